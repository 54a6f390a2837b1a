/**
 * Axial attention: tokens of a grid attend along their column and along their row, each with maps of their own.
 * Axes: B batch, T time (the grid row by row), D model, R rows, S columns of the grid, H heads of K features.
 */
import { z } from "zod";
import { gridOf, scaledDotProduct } from "../../ops/index.ts";
import { iota, type Tensor } from "../../tensor/index.ts";
import { wholeSequence } from "../capabilities.ts";
import { defineMixer } from "../define.ts";
import { headsOfWidth } from "../fields.ts";
import { bias, matrix } from "../weights/declare.ts";
import { linear, type Weight } from "../weights/use.ts";
import { mergeHeads, splitHeads } from "./attention-heads.ts";

const config = z.strictObject({
  heads: headsOfWidth(),
  columns: z
    .int()
    .positive()
    .default(8)
    .describe("tokens a row of the grid, where the model is not given the grid's size"),
  joined: z
    .enum(["sum", "in-turn"])
    .default("sum")
    .describe("both axes see the input and are summed, or rows see what columns gave"),
  outBias: z.boolean().default(true).describe("offsets on the outputs"),
});
type C = z.infer<typeof config>;

const axis = (D: number, c: C) => ({
  qkv: matrix(D, 3 * D),
  out: matrix(D, D, { init: "residual" }),
  ...(c.outBias && { outBias: bias(D) }),
});

export const axialAttention = defineMixer({
  kind: "axial-attention",
  title: "Axial attention",
  cite: { arxiv: "1912.12180", by: "Ho et al. 2019" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "A_c(x)_rs = attention of x_rs to x_1s … x_Rs;  A_r(x)_rs = attention of x_rs to x_r1 … x_rS",
    "y = A_c(x) + A_r(x),  or in turn A_r(A_c(x))",
  ],
  config,
  dims: (c, D: number) => ({ D, H: c.heads, K: D / c.heads }),
  params({ D }, c) {
    const [down, along] = [axis(D, c), axis(D, c)];
    return {
      downQkv: down.qkv,
      downOut: down.out,
      ...(down.outBias && { downOutBias: down.outBias }),
      alongQkv: along.qkv,
      alongOut: along.out,
      ...(along.outBias && { alongOutBias: along.outBias }),
    };
  },
  reads: ["mask_BT", "grid"],
  capabilities: wholeSequence,
  state: () => ({}),
  forward(x_BTD, { c, d, p, io }) {
    const [B, T, D] = x_BTD.shape as [number, number, number];
    const [R, S] = gridOf(T, { grid: io.grid, columns: c.columns });
    // Places beyond the last token hold none.
    const cells = (x: Tensor) => x.pad(1, 0, R * S - T).reshape([x.dim(0), R, S, -1]);
    const real_BT1 = (io.mask_BT ?? iota(T).greaterEqual(0).unsqueeze(0)).cast("f32").unsqueeze(2);
    const real = cells(real_BT1).expand([B, R, S, 1]);
    const down = (x: Tensor) => lines([x, real], [p.downQkv, p.downOut, p.downOutBias], d.H, (t) => t.swap(1, 2));
    const along = (x: Tensor) => lines([x, real], [p.alongQkv, p.alongOut, p.alongOutBias], d.H, (t) => t);
    const x = cells(x_BTD);
    const y = c.joined === "sum" ? down(x).add(along(x)) : along(down(x));
    return { y: y.reshape([B, R * S, D]).slice(1, 0, T), s: {} };
  },
});

/** Attention within lines: those along the third axis after `turn`, which undoes itself. */
function lines(
  [x_BRSD, real_BRS1]: readonly [Tensor, Tensor],
  [qkv, out, offset]: readonly [Weight, Weight, Weight | undefined],
  heads: number,
  turn: (t: Tensor) => Tensor,
): Tensor {
  const turned = turn(x_BRSD);
  const [B, R, S, D] = turned.shape as [number, number, number, number];
  const rows = turned.reshape([B * R, S, D]);
  const [q, k, v] = splitHeads(linear(rows, qkv), 3 * heads).split(1, [heads, heads, heads]) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  const mask = turn(real_BRS1)
    .reshape([B * R, 1, 1, S])
    .greater(0);
  const y = linear(mergeHeads(scaledDotProduct({ q, k, v }, { mask })), out, offset);
  return turn(y.reshape([B, R, S, D]));
}
