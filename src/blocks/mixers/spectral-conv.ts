/**
 * Spectral convolution of Fourier neural operators: the lowest frequencies of the tokens along time, or over the grid they form,
 * pass through a complex matrix each; the others are cut off. It knows the signal, not its sampling: other lengths and grids may
 * follow the ones it was trained on. Axes: B batch, T time, D features, M kept modes, h and w of a grid.
 */
import { z } from "zod";
import { type Complex, fft, irfft, rfft } from "../../ops/index.ts";
import { concat, type Tensor } from "../../tensor/index.ts";
import { defineMixer } from "../define.ts";
import { bias, tensor } from "../weights/declare.ts";
import { value, type Weight } from "../weights/use.ts";

const config = z.strictObject({
  modes: z.int().positive().default(16).describe("frequencies kept along each axis, negative ones included"),
  axes: z
    .enum(["time", "grid"])
    .default("time")
    .describe("time: the tokens as a line; grid: as the picture of the given height and width"),
  bias: z.boolean().default(true).describe("whether the output has an offset"),
});
type C = z.infer<typeof config>;

/** Of the last axis only frequencies from 0 on are held, as the signal is real. */
function dims(c: C, D: number) {
  const half = Math.floor(c.modes / 2) + 1;
  return { D, half, M: c.axes === "grid" ? c.modes * half : half };
}

export const spectralConv = defineMixer({
  kind: "spectral-conv",
  title: "Spectral convolution (FNO)",
  cite: { arxiv: "2010.08895", by: "Li et al. 2021" },
  equations: [
    "X = F x / n,  Y_f = W_f X_f for the kept frequencies f, 0 elsewhere",
    "y = F⁻¹ Y + b   (without division)",
  ],
  config,
  dims,
  params: ({ D, M }, c) => ({
    re: tensor([M, D, D], { kind: "normal", std: 1 / Math.sqrt(D) }),
    im: tensor([M, D, D], { kind: "normal", std: 1 / Math.sqrt(D) }),
    ...(c.bias && { bias: bias(D) }),
  }),
  tune: [{ key: "modes", unit: 2 }],
  reads: ["grid"],
  capabilities: {
    flow: "bidirectional",
    state: "none",
    length: "fixed",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  },
  state: () => ({}),
  forward(x_BTD, { c, p, io }) {
    const [B, T, D] = x_BTD.shape as [number, number, number];
    const [h, w] = (c.axes === "grid" && io.grid) || [1, T];
    const x_BDhw = x_BTD.transpose([0, 2, 1]).reshape([B, D, h, w]);
    const y = convolveGrid(x_BDhw, p, c.axes === "grid" ? [c.modes, c.modes] : [1, c.modes]);
    const y_BTD = y.reshape([B, -1, T]).transpose([0, 2, 1]);
    return { y: p.bias ? y_BTD.add(value(p.bias)) : y_BTD, s: {} };
  },
});

/** x [B, I, h, w] with W [modes, I, O] → [B, O, h, w]; modes along (height, width), a line has height 1. */
export function convolveGrid(
  x: Tensor,
  { re, im }: { re: Weight; im: Weight },
  [rows, columns]: readonly [number, number],
): Tensor {
  const [B, I, h, w] = x.shape as [number, number, number, number];
  const across = Math.min(Math.floor(columns / 2) + 1, Math.floor(w / 2) + 1);
  const along = Math.min(rows, h);
  const whole = fft(rfft(x, { norm: "forward" }), { axis: 2, norm: "forward" });
  // [modes, B, I] of the kept corner, frequencies along the height from the most negative on.
  const low = (part: Tensor) =>
    centred(part.slice(3, 0, across), along)
      .transpose([2, 3, 0, 1])
      .reshape([along * across, B, I]);
  const X = { re: low(whole.re), im: low(whole.im) };
  const full = Math.floor(columns / 2) + 1;
  const kept = (weight: Weight) => {
    const O = value(weight).dim(2);
    const skip = Math.floor(rows / 2) - Math.floor(along / 2);
    return value(weight)
      .reshape([rows, full, I, O])
      .slice(0, skip, skip + along)
      .slice(1, 0, across)
      .reshape([along * across, I, O]);
  };
  const W = { re: kept(re), im: kept(im) };
  const Y = {
    re: X.re.matmul(W.re).sub(X.im.matmul(W.im)),
    im: X.re.matmul(W.im).add(X.im.matmul(W.re)),
  };
  const placed = (part: Tensor) =>
    spread(part.reshape([along, across, B, -1]).transpose([2, 3, 0, 1]), h).pad(3, 0, Math.floor(w / 2) + 1 - across);
  const rowsBack: Complex = fft({ re: placed(Y.re), im: placed(Y.im) }, { axis: 2, norm: "forward", inverse: true });
  return irfft(rowsBack, { n: w, norm: "forward" });
}

/** The `count` frequencies of axis 2 around 0, rising. */
function centred(x: Tensor, count: number): Tensor {
  const negative = Math.floor(count / 2);
  const positive = x.slice(2, 0, count - negative);
  return negative === 0 ? positive : concat(2, [x.slice(2, x.dim(2) - negative), positive]);
}

/** Its inverse: back to their places among `size`, 0 elsewhere. */
function spread(x: Tensor, size: number): Tensor {
  const negative = Math.floor(x.dim(2) / 2);
  const positive = x.slice(2, negative).pad(2, 0, size - x.dim(2));
  return negative === 0 ? positive : concat(2, [positive, x.slice(2, 0, negative)]);
}
