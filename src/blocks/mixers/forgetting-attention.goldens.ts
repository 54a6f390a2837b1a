/** Forgetting attention of fla-core, from q, k, v and log gates. The source puts time second. */
import { blockwiseAttention } from "../../ops/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";

function build(c: GoldenCase): GoldenGraph {
  const heads = (name: string) => c.tensor(`in.${name}`).swap(1, 2);
  const q = heads("q");
  const forgotten = heads("g").cumsum(-1);
  const { y_BHTV } = blockwiseAttention({
    q_BHTK: q,
    k_BGTK: heads("k"),
    v_BGTV: heads("v"),
    causal: true,
    window: c.config.window === undefined ? undefined : c.number("window"),
    scale: q.dim(-1) ** -0.5,
    bias: (queries, keys) =>
      forgotten
        .slice(2, queries.start, queries.end)
        .unsqueeze(-1)
        .sub(forgotten.slice(2, keys.start, keys.end).unsqueeze(-2)),
  });
  return { outputs: { "out.o": y_BHTV.swap(1, 2) } };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "forgetting_attention", build }];
