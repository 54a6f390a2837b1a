/**
 * FNet: the real part of a Fourier transform over features and time; it has no parameters.
 * Axes: B batch, T time (and frequencies of it), D features (and frequencies of them).
 */
import { z } from "zod";
import { iota, type Tensor } from "../../tensor/index.ts";
import { wholeSequence } from "../capabilities.ts";
import { defineMixer, type Io } from "../define.ts";

const config = z.strictObject({
  scale: z
    .enum(["none", "ortho"])
    .default("none")
    .describe("none: plain sums, as in the paper; ortho: divided by √(tokens · width), which keeps the energy"),
});

export const fnet = defineMixer({
  kind: "fnet",
  title: "Fourier mixing (FNet)",
  cite: { arxiv: "2105.03824", by: "Lee-Thorp et al. 2022" },
  equations: ["y_fg = Re Σ_t Σ_d x_td e^{−2πi (f t / T + g d / D)}"],
  config,
  dims: (_c, D: number) => ({ D }),
  params: () => ({}),
  reads: ["mask_BT"],
  capabilities: wholeSequence,
  state: () => ({}),
  forward(x_BTD, { c, d: { D }, io }) {
    const features = waves(iota(D), D);
    const time = timeWaves(x_BTD.dim(1), io);
    // Re (F_T x F_D) with F = cos − i·sin on both sides.
    const y = time.cos.matmul(x_BTD.matmul(features.cos)).sub(time.sin.matmul(x_BTD.matmul(features.sin)));
    if (c.scale === "none") return { y, s: {} };
    return { y: y.div(energy(x_BTD, io).mul(D).sqrt()), s: {} };
  },
});

/** Tokens a sequence really has. */
const energy = (x_BTD: Tensor, { mask_BT }: Io): Tensor =>
  (mask_BT ? mask_BT : iota(x_BTD.dim(1)).greaterEqual(0).unsqueeze(0))
    .cast("f32")
    .sum(-1, true)
    .maximum(1)
    .unsqueeze(-1);

/** Cosines and sines of 2π·i·j/n for indices i32 [.., n'] and n, a number or i32 that broadcasts to [.., n', n']. */
function waves(index: Tensor, n: number | Tensor): { cos: Tensor; sin: Tensor } {
  const product = index.unsqueeze(-1).mul(index.unsqueeze(-2)).mod(n);
  const turns = typeof n === "number" ? product.cast("f32").div(n) : product.cast("f32").div(n.cast("f32"));
  const angle = turns.mul(2 * Math.PI);
  return { cos: angle.cos(), sin: angle.sin() };
}

/** Over the real tokens of each sequence, which are numbered from the first; rows and columns of padding are 0. */
function timeWaves(T: number, { mask_BT }: Io) {
  if (!mask_BT) return waves(iota(T), T);
  const counts = mask_BT.cast("i32");
  const index_BT = counts.cumsum(-1).sub(1).maximum(0);
  const { cos, sin } = waves(index_BT, counts.sum(-1, true).maximum(1).unsqueeze(-1));
  const real = mask_BT.cast("f32");
  const both = real.unsqueeze(2).mul(real.unsqueeze(1));
  return { cos: cos.mul(both), sin: sin.mul(both) };
}
