import { z } from "zod";
import { fail, type Tensor, where } from "../../tensor/index.ts";
import { type ChannelContext, definePosition } from "../define.ts";
import { bias, matrix } from "../weights/declare.ts";
import { linear, value } from "../weights/use.ts";

const config = z.strictObject({
  basis: z.int().positive().default(8).describe("curves over the distance that tokens mix"),
  maxDistance: z.int().positive().default(128).describe("distance in tokens from which there is no bias"),
});
type Config = z.infer<typeof config>;
const dims = (c: Config, width: number, heads = 1, around?: { model: number }) => ({
  D: around?.model ?? width,
  H: heads,
  M: c.basis,
  N: c.maxDistance,
});
type Dims = ReturnType<typeof dims>;
const params = ({ D, H, M, N }: Dims) => ({
  weights: matrix(D, H * M),
  weightsBias: bias(H * M),
  curves: matrix(M, N, { init: { kind: "normal", std: 0.02 } }),
});
type Context = ChannelContext<Config, Dims, ReturnType<typeof params>> & {
  queries_BT: Tensor;
  keys_BS: Tensor;
  /** Attention gives its input at the queries. */
  x_BTD?: Tensor;
};

/**
 * Each query mixes learned curves over the distance to earlier keys.
 * Axes: B batch, T queries, S keys, D model, H heads, M curves, N distances.
 */
export const projectedBias = definePosition({
  kind: "projected-bias",
  title: "Relative bias from projected queries",
  cite: { url: "https://github.com/lucidrains/x-transformers", by: "x-transformers, `attn_use_rel_proj_pos_bias`" },
  equations: ["score_ij += Σ_m w_im c_m(i − j),  w_i = W x_i + b  (per head),  0 ≤ i − j < maxDistance"],
  config,
  dims,
  params,
  bias({ d, p, queries_BT, keys_BS, x_BTD = missing() }: Context) {
    const [B, T, S] = [x_BTD.dim(0), x_BTD.dim(1), keys_BS.dim(1)];
    const mixed_BTHM = linear(x_BTD, p.weights, p.weightsBias).reshape([B, T, d.H, d.M]);
    const curves_BHTN = mixed_BTHM.swap(1, 2).matmul(value(p.curves));
    const distance_BTS = queries_BT.unsqueeze(-1).sub(keys_BS.unsqueeze(-2));
    const index = distance_BTS
      .maximum(0)
      .minimum(d.N - 1)
      .unsqueeze(1);
    const inside = distance_BTS.greaterEqual(0).and(distance_BTS.less(d.N)).unsqueeze(1);
    return where(inside, curves_BHTN.gatherElements(-1, index.expand([B, d.H, T, S])), 0);
  },
});

function missing(): never {
  return fail({
    code: "E_POSITION",
    where: "positions.projected-bias",
    expected: "the input at the queries",
    got: "none",
    hint: "Use it in attention.",
  });
}
