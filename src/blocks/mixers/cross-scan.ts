/**
 * Scans of a picture: a causal mixer reads the cells of a grid row by row and column by column, from either end, and what the
 * directions found is added. Axes: B batch, T tokens (the grid row by row), D model.
 */
import { z } from "zod";
import { type Grid, gridOf } from "../../ops/index.ts";
import { constant, fail, sort, type Tensor, where } from "../../tensor/index.ts";
import { defineMixer, type Io, type Result } from "../define.ts";
import { nest, unnest } from "../nesting.ts";
import type { ParameterDeclaration } from "../weights/declare.ts";
import type { Weight } from "../weights/use.ts";
import { bothWays } from "./both-ways.ts";
import { columns } from "./grid-config.ts";
import { asChoice, innerDims, innerMixer, mixerOf, optionsOf, promisesOf } from "./inner-mixer.ts";

const config = z.strictObject({
  mixer: asChoice(innerMixer.prefault({ kind: "mamba" }).describe("causal mixer that scans")),
  directions: z
    .union([z.literal(2), z.literal(4)])
    .default(4)
    .describe("2: along rows from both ends (Vim); 4: along columns too (VMamba)"),
  shared: z.boolean().default(false).describe("one set of weights for all directions"),
  columns,
});
type C = z.infer<typeof config>;
type Dims = Record<string, unknown>;

/** Directions, as their weights are named: along rows, then along columns. */
const lines = ({ directions }: C) =>
  [
    { along: "rows", ahead: "right", back: "left" },
    { along: "columns", ahead: "down", back: "up" },
  ].slice(0, directions / 2) as { along: "rows" | "columns"; ahead: string; back: string }[];

/** Throws E_BIDIRECTIONAL where the inner mixer looks ahead by itself. */
function dims(c: C, D: number): Dims {
  const { flow } = promisesOf(c.mixer);
  if (flow !== "causal")
    fail({
      code: "E_BIDIRECTIONAL",
      where: `cross-scan.mixer.${c.mixer.kind}`,
      expected: "a causal mixer",
      got: `one whose flow is ${flow}`,
      hint: "It needs no second direction: put it into the layer itself.",
    });
  return { D, ...nest("inner", innerDims(c.mixer, { width: D, where: "cross-scan.mixer" })) };
}

function params(d: Dims, c: C): Record<string, ParameterDeclaration> {
  const inner = mixerOf(c.mixer).params(unnest("inner", d), optionsOf(c.mixer));
  const names = lines(c).flatMap(({ ahead, back }) => [ahead, back]);
  return Object.assign({}, ...(c.shared ? ["right"] : names).map((name) => nest(name, inner)));
}

interface At {
  c: C;
  d: Dims;
  p: Readonly<Record<string, Weight>>;
  io: Io;
}

export const crossScan = defineMixer({
  kind: "cross-scan",
  title: "Scans in two or four directions",
  cite: { arxiv: "2401.10166", by: "Liu et al. 2024 (VMamba); Zhu et al. 2024 (Vim), arXiv 2401.09417" },
  patterns: ["multi-x"],
  equations: [
    "y = Σ_r π_r⁻¹(mixer_r(π_r(x)))",
    "π: row by row and its reverse; with four directions also column by column and its reverse",
  ],
  config,
  dims,
  params,
  reads: ["mask_BT", "grid"],
  capabilities: (c) => ({ ...promisesOf(c.mixer), flow: "bidirectional", state: "none" }),
  state: () => ({}),
  forward(x_BTD, at: At) {
    const grid = gridOf(x_BTD.dim(1), { grid: at.io.grid, columns: at.c.columns });
    const found = lines(at.c).flatMap((line) => scans(x_BTD, { ...at, line, grid }));
    return {
      y: found.map(({ y }) => y).reduce((sum, y) => sum.add(y)),
      s: {},
      losses: found.flatMap(({ losses }) => losses ?? []),
    };
  },
});

/** What both ends of all rows, or of all columns, give, in the order of the tokens. */
function scans(
  x_BTD: Tensor,
  { c, d, p, io, line, grid }: At & { line: ReturnType<typeof lines>[number]; grid: Grid },
) {
  const order = line.along === "rows" ? undefined : byColumns(x_BTD, { grid, mask_BT: io.mask_BT });
  const { grid: _, ...rest } = io;
  const its: Io = order && io.mask_BT ? { ...rest, mask_BT: order.front_BT! } : rest;
  const both = bothWays(order ? order.there(x_BTD) : x_BTD, its, (x, way, own): Result<unknown> => {
    const name = line[way];
    const weights: Record<string, Weight> = unnest(c.shared ? "right" : name, p);
    return mixerOf(c.mixer).forward(x, {
      ...{ c: optionsOf(c.mixer), d: unnest("inner", d), p: weights, s: {}, b: {} },
      io: { ...own, rng: (label: string) => own.rng(`${name}.${label}`) },
    });
  });
  return [both.ahead, both.back].map(({ y, losses }) => ({ y: order ? order.back(y) : y, losses }));
}

/** Tokens column by column, real ones first: a mask's real tokens stay side by side. */
function byColumns(x_BTD: Tensor, { grid: [h, w], mask_BT }: { grid: Grid; mask_BT: Tensor | undefined }) {
  const [B, T, D] = x_BTD.shape as [number, number, number];
  const rank = (t: number) => (t % w) * h + Math.floor(t / w);
  const ranks_T = constant(
    Array.from({ length: T }, (_, t) => rank(t)),
    [T],
  );
  const ranks_BT = (mask_BT ? where(mask_BT, ranks_T, ranks_T.add(h * w)) : ranks_T.unsqueeze(0)).expand([B, T]);
  const there_BT = sort(ranks_BT, 1).indices;
  const back_BT = sort(there_BT.cast("f32"), 1).indices;
  const pick = (x: Tensor, index_BT: Tensor) => x.gatherElements(1, index_BT.unsqueeze(2).expand([B, T, D]));
  return {
    there: (x: Tensor) => pick(x, there_BT),
    back: (x: Tensor) => pick(x, back_BT),
    front_BT: mask_BT?.gatherElements(1, there_BT),
  };
}
