/** sinkhorn-transformer's attention in its sortcut form, from q, k and v. */
import { ones } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { sinkhornAttention, sinkhornMix } from "./sinkhorn-attention.ts";

function build(c: GoldenCase): GoldenGraph {
  const o = c.config.args as { bucket_size: number; n_sortcut: number };
  const [q, k, v] = [c.tensor("in.q"), c.tensor("in.k"), c.tensor("in.v")];
  const config = sinkhornAttention.config.parse({ bucket: o.bucket_size, sortcut: o.n_sortcut });
  return { outputs: { "out.y": sinkhornMix({ q, k, v, real_BT: ones([1, q.dim(2)]) }, config) } };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "sinkhorn-attention", build }];
