/**
 * Two modalities in one stream of ids: words, which have a vector each, and points of a grid (pixels' places, levels, tokens of
 * a codebook), which are known by their coordinates and mapped. Axes: B batch, T time, D model, C ids, W words, M points, F
 * features of a point.
 */
import { z } from "zod";
import { concat, constant, fail, type Tensor } from "../../tensor/index.ts";
import { type ChannelContext, defineEmbedding } from "../define.ts";
import { bias, matrix, table } from "../weights/declare.ts";
import { linear, value, type Weight } from "../weights/use.ts";

const config = z.strictObject({
  words: z.int().positive().default(9).describe("W, ids below it are words; the points' ids follow, row by row"),
  sides: z
    .array(z.int().min(2))
    .min(1)
    .max(4)
    .default([24, 24])
    .describe("points along each axis of the grid; ids behind them are words again"),
  octaves: z
    .int()
    .min(0)
    .max(12)
    .default(3)
    .describe("sines and cosines of each coordinate, each of twice the frequency, beside the coordinate itself"),
  std: z.number().positive().default(0.02).describe("standard deviation of the vectors at the start"),
});
type C = z.infer<typeof config>;

const pointsOf = ({ sides }: C): number => sides.reduce((product, side) => product * side, 1);

function dims(c: C, D: number, C: number) {
  const M = pointsOf(c);
  if (c.words + M > C)
    fail({
      code: "E_EMBEDDING_MODALITIES",
      where: "embedding.sides",
      expected: `at most ${C - c.words} points beside ${c.words} words of ${C} ids`,
      got: `${c.sides.join(" · ")} = ${M}`,
      hint: "Give words and sides as the data have them.",
    });
  return { D, W: C - M, M, F: c.sides.length * (1 + 2 * c.octaves) };
}
type Dims = ReturnType<typeof dims>;

const params = ({ D, W, F }: Dims, { std }: C) => ({
  table: table(W, D, { kind: "normal", std }),
  // Features are about 1/2 in the mean square.
  project: matrix(F, D, { init: { kind: "normal", std: std * Math.sqrt(2 / F) } }),
  bias: bias(D),
});

/** Coordinates in −1 … 1 and sin, cos of π·2^k times them: [M, F], row-major. Mildenhall et al. 2020, eq. 4. */
export function pointFeatures({ sides, octaves }: Pick<C, "sides" | "octaves">): number[][] {
  const points = sides.reduce<number[][]>(
    (known, side) =>
      known.flatMap((point) => Array.from({ length: side }, (_, i) => [...point, (2 * i) / (side - 1) - 1])),
    [[]],
  );
  const waves = (u: number) =>
    Array.from({ length: octaves }, (_, k) => [Math.sin(Math.PI * 2 ** k * u), Math.cos(Math.PI * 2 ** k * u)]).flat();
  return points.map((point) => point.flatMap((u) => [u, ...waves(u)]));
}

/** [C, D]: words below W, mapped points, words behind them. */
function rows({ c, d, p }: Pick<ChannelContext<C, Dims, ReturnType<typeof params>>, "c" | "d" | "p">): Tensor {
  const features_MF = constant(pointFeatures(c).flat(), [d.M, d.F]);
  const words_WD = value(p.table as Weight);
  const points_MD = linear(features_MF, p.project, p.bias);
  return concat(0, [words_WD.slice(0, 0, c.words), points_MD, words_WD.slice(0, c.words)]);
}

export const modalities = defineEmbedding({
  kind: "modalities",
  title: "Words by a table, points by their coordinates",
  cite: { arxiv: "2102.03334", by: "Kim et al. 2021 (ViLT), section 3.1; features: Mildenhall et al. 2020, eq. 4" },
  equations: [
    "x = E[id]  for words",
    "x = φ(u) P + b  for the point u,  φ(u) = (u, sin 2^k π u, cos 2^k π u)  per coordinate, k < octaves",
  ],
  config,
  dims,
  params,
  table: rows,
  forward: (ids, at) => rows(at).gather(0, ids),
});
