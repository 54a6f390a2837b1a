/** fla-core's exact mesa layer. The source puts time second, states by keys, and does not scale queries. */
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../testing/goldens/index.ts";
import { asColumns, asRows } from "./decay-scan.goldens.ts";
import { mesa } from "./mesa.ts";
import { mesaExact } from "./mesa-exact.ts";

/** Conjugate gradients, which take a state for symmetric; elimination where the gradient by a given state is stored. */
function build(c: GoldenCase): GoldenGraph {
  const column = (name: string) => asColumns(c.tensor(`in.${name}`));
  const input = {
    q_HKBT: column("q"),
    k_HKBT: column("k"),
    v_HVBT: column("v"),
    beta_HBT: column("beta"),
    logDecay_HBT: column("g"),
    ridge_HK: c.tensor("in.lamb"),
    H_BHKK: c.maybe("state.in.kk"),
    G_BHVK: c.maybe("state.in.kv")?.swap(2, 3),
  };
  const { o_HVBT, H_BHKK, G_BHVK } = c.has("grad.state.in.kk")
    ? mesaExact(input)
    : mesa({ ...input, iterations: c.number("K") + 1, chunk: 4 });
  return { outputs: { "out.o": asRows(o_HVBT), "state.out.kk": H_BHKK, "state.out.kv": G_BHVK.swap(2, 3) } };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "mesa_net", build }];
