/**
 * Nyström attention: softmax attention through a few landmark tokens, the means of equal segments, and an approximate inverse of
 * the landmarks' own weights. Segments are cut of the whole length, padding included.
 * Axes: B batch, T time, D model, H heads of K features, L landmarks.
 */
import { z } from "zod";
import { conv, iota, type Tensor, where } from "../../tensor/index.ts";
import { defineMixer } from "../define.ts";
import { headsOfWidth } from "../fields.ts";
import { bias, matrix, tensor } from "../weights/declare.ts";
import { linear, value, type Weight } from "../weights/use.ts";
import { mergeHeads, splitHeads } from "./attention-heads.ts";
import { kernelInit } from "./mamba-init.ts";

const config = z.strictObject({
  heads: headsOfWidth(),
  landmarks: z.int().positive().default(64).describe("means of segments that stand for all tokens"),
  iterations: z.int().positive().default(6).describe("steps towards the inverse of the landmarks' weights"),
  kernel: z
    .int()
    .positive()
    .refine((taps) => taps % 2 === 1, "an odd number")
    .optional()
    .describe("odd number of taps of a convolution of the values that is added (default: none)"),
  bias: z.boolean().default(false).describe("offsets of queries, keys and values"),
  outBias: z.boolean().default(true).describe("offset on the output"),
  start: z
    .enum(["own", "batch"])
    .default("own")
    .describe("what the inverse's start is divided by: each matrix's own largest sums, or those of the whole batch"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.heads, K: D / c.heads, L: c.landmarks });
const params = ({ D, H }: ReturnType<typeof dims>, c: C) => ({
  qkv: matrix(D, 3 * D),
  ...(c.bias && { qkvBias: bias(3 * D) }),
  ...(c.kernel !== undefined && { kernel: tensor([H, c.kernel], kernelInit(c.kernel)) }),
  out: matrix(D, D, { init: "residual" }),
  ...(c.outBias && { outBias: bias(D) }),
});

export const nystromAttention = defineMixer({
  kind: "nystrom-attention",
  title: "Nyström attention (Nyströmformer)",
  cite: { arxiv: "2102.03902", by: "Xiong et al. 2021" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "q̃, k̃ = means of q and k over L equal segments",
    "y = softmax(q k̃ᵀ/√K) Z softmax(q̃ kᵀ/√K) v + conv(v),  Z ≈ A⁻¹ of A = softmax(q̃ k̃ᵀ/√K)",
    "Z_0 = Aᵀ / (max row sum · max column sum);  Z ← Z (13 I − A Z (15 I − A Z (7 I − A Z))) / 4",
  ],
  config,
  dims,
  params,
  tune: [{ key: "landmarks", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: ({ start }) => ({
    flow: "bidirectional",
    state: "none",
    length: "fixed",
    batch: start === "own" ? "independent" : "coupled",
    smooth: "away from ties",
    exact: "bitwise",
  }),
  state: () => ({}),
  forward(x_BTD, { c, d, p, io }) {
    const T = x_BTD.dim(1);
    // In front, so that the last segment is whole.
    const front = (d.L - (T % d.L)) % d.L;
    const real_BT = io.mask_BT ?? iota(T).greaterEqual(0).unsqueeze(0);
    const real = real_BT.cast("f32").pad(1, front, 0).unsqueeze(1).unsqueeze(-1);
    const columns = splitHeads(linear(x_BTD, p.qkv, p.qkvBias), 3 * d.H)
      .pad(2, front, 0)
      .mul(real);
    const [q, k, v] = columns.split(1, [d.H, d.H, d.H]) as [Tensor, Tensor, Tensor];
    const y = throughLandmarks([q.mul(d.K ** -0.5), k, v], real, c);
    const mixed = p.kernel ? y.add(convolved(v, p.kernel)) : y;
    return { y: linear(mergeHeads(mixed.slice(2, front)), p.out, p.outBias), s: {} };
  },
});

/** q, k and v are 0 where `real` [B or 1, 1, T, 1] is. */
function throughLandmarks([q, k, v]: readonly [Tensor, Tensor, Tensor], real: Tensor, c: C): Tensor {
  const segments = (x: Tensor) => x.reshape([x.dim(0), x.dim(1), c.landmarks, -1, x.dim(3)]).sum(3);
  const counts = segments(real);
  const [ql, kl] = [q, k].map((x) => segments(x).div(counts.add(1e-8))) as [Tensor, Tensor];
  const weigh = (a: Tensor, b: Tensor, [rows, keys]: readonly [Tensor, Tensor]) => {
    const seen = rows.greater(0).and(keys.greater(0).swap(-1, -2));
    return where(seen, a.matmul(b, { transB: true }), -1e30).softmax(-1);
  };
  const [toLandmarks, among, toAll] = [
    weigh(q, kl, [real, counts]),
    weigh(ql, kl, [counts, counts]),
    weigh(ql, k, [counts, real]),
  ];
  return toLandmarks.matmul(inverse(among, c)).matmul(toAll.matmul(v));
}

/** Razavi et al. 2014, of order 3. */
function inverse(a: Tensor, { iterations, start, landmarks }: C): Tensor {
  const axes = start === "own" ? [-1, -2] : undefined;
  const largest = (axis: number) => a.abs().sum(axis, true).max(axes, true);
  const row = iota(landmarks);
  const eye = row.unsqueeze(1).equal(row).cast("f32");
  let z = a.swap(-1, -2).div(largest(-1).mul(largest(-2)));
  for (let i = 0; i < iterations; i++) {
    const az = a.matmul(z);
    const inner = eye.mul(15).sub(az.matmul(eye.mul(7).sub(az)));
    z = z.matmul(eye.mul(13).sub(az.matmul(inner))).mul(0.25);
  }
  return z;
}

/** Σ_j w_hj v_{t+j−(J−1)/2} for every head: v [B, H, T, K]. */
export function convolved(v_BHTK: Tensor, kernel: Weight): Tensor {
  const [H, taps] = value(kernel).shape as [number, number];
  const side = (taps - 1) / 2;
  return conv(v_BHTK, value(kernel).reshape([H, 1, taps, 1]), {
    pads: [
      [side, 0],
      [side, 0],
    ],
    groups: H,
  });
}
