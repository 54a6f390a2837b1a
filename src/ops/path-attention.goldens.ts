/** PaTH attention of fla-core, from q, k, v, directions, strengths and log gates. The source puts time second. */
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../testing/goldens/index.ts";
import { blockwiseAttention } from "./blockwise-attention.ts";
import { pathScores } from "./path-attention.ts";

function build(c: GoldenCase): GoldenGraph {
  const heads = (name: string) => c.tensor(`in.${name}`).swap(1, 2);
  const [q, k, v] = [heads("q"), heads("k"), heads("v")];
  const scores = pathScores({ q_BHTK: q, k_BGTK: k, w_BGTK: heads("w"), beta_BGT: heads("beta") });
  const gates = heads("g").cumsum(-1);
  const gated = scores.add(gates.unsqueeze(-1).sub(gates.unsqueeze(-2))).mul(q.dim(-1) ** -0.5);
  const { y_BHTV } = blockwiseAttention({
    q_BHTK: q.mul(0),
    k_BGTK: k,
    v_BGTV: v,
    causal: true,
    scale: 1,
    bias: (queries, keys) => gated.slice(2, queries.start, queries.end).slice(3, keys.start, keys.end),
  });
  return { outputs: { "out.o": y_BHTV.swap(1, 2) } };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "path_attention", build }];
