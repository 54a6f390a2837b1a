/** fla-core's TTT-linear, which scales queries and fills a short last mini-batch with zeros that take part in the final state. */
import { concat, type Tensor, zeros } from "../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../testing/goldens/index.ts";
import { asColumns, asRows } from "./decay-scan.goldens.ts";
import { tttLinear } from "./ttt-linear.ts";

function build(c: GoldenCase): GoldenGraph {
  const q = c.tensor("in.q");
  const [B, T, H, K] = q.shape as [number, number, number, number];
  const L = c.number("mini_batch");
  const missing = Math.ceil(T / L) * L - T;
  const column = (name: string) => asColumns(c.tensor(`in.${name}`)).pad(-1, 0, missing);
  const rates = asColumns(c.tensor("in.eta").squeeze(3));
  const filled = missing > 0 ? concat(-1, [rates.pad(-1, 0, missing - 1), rates.slice(-1, -1)]) : rates;
  const zero = (shape: number[]): Tensor => zeros([B, ...shape]);
  const given = c.maybe("state.in.S");
  const { o_HKBT, s } = tttLinear({
    q_HKBT: column("q").mul(K ** -0.5),
    k_HKBT: column("k"),
    v_HKBT: column("v"),
    rate_HBT: filled,
    norm: { gain_HK: c.tensor("in.w"), offset_HK: c.tensor("in.b"), epsilon: c.number("eps") },
    miniBatch: L,
    s: given && {
      W_BHKK: given,
      b_BHK: c.tensor("state.in.bias").squeeze(2),
      moved_BHKK: zero([H, K, K]),
      movedBias_BHK: zero([H, K]),
      count_B1: zero([1]),
    },
  });
  return {
    outputs: {
      "out.o": asRows(o_HKBT.slice(-1, 0, T)),
      "state.out.S": s.W_BHKK,
      "state.out.bias": s.b_BHK.unsqueeze(2),
    },
  };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "ttt_linear", build }];
