/**
 * Multi-X: several copies of any mixer side by side, each with weights of its own, as heads are of attention.
 * Axes: B batch, T time, D model, W features of a copy.
 */
import { z } from "zod";
import { concat, type Tensor } from "../../tensor/index.ts";
import { defineMixer } from "../define.ts";
import { nest, unnest } from "../nesting.ts";
import {
  asChoice,
  innerDims,
  innerMixer,
  innerParams,
  joined,
  madeOf,
  type OuterContext,
  runInner,
} from "./inner-mixer.ts";

const config = z.strictObject({
  mixer: asChoice(innerMixer.prefault({ kind: "attention" }).describe("what there are several of")),
  copies: z.int().positive().max(64).default(2).describe("how many, each with weights of its own"),
  join: z
    .enum(["mean", "add", "slices"])
    .default("mean")
    .describe("mean or sum of what all make of the whole input; slices: each reads and writes features of its own"),
});
type C = z.infer<typeof config>;
type Dims = Record<string, unknown>;

function dims(c: C, D: number): Dims {
  const W = c.join === "slices" ? D / c.copies : D;
  // A width that does not divide is named here, before the inner mixer stumbles over it.
  const inner = Number.isInteger(W) ? innerDims(c.mixer, { width: W, where: "multi.mixer" }) : {};
  return { D, W, ...nest("inner", inner) };
}

const copiesOf = (d: Dims, { mixer, copies }: C) =>
  Array.from({ length: copies }, (_, i) => ({ name: `copy${i}`, choice: mixer, d: unnest("inner", d) }));

export const multi = defineMixer({
  kind: "multi",
  title: "Several copies of a mixer",
  cite: {
    by: "Vaswani et al. 2017, section 3.2.2, for any mixer",
    title: "Attention is all you need",
    arxiv: "1706.03762",
  },
  patterns: ["multi-x"],
  equations: [
    "y = 1/n Σ_i mixer_i(x)  (mean)   or   Σ_i mixer_i(x)  (add)",
    "y = [mixer_1(x_1), …, mixer_n(x_n)],  x = [x_1, …, x_n]  (slices)",
  ],
  config,
  dims,
  params: (d, c) => innerParams(copiesOf(d, c)),
  ...madeOf({ choicesOf: ({ mixer }) => [mixer], partsOf: copiesOf, run }),
});

function run(x: Tensor, at: OuterContext<C>, form: "forward" | "step") {
  const { c, d } = at;
  const slices = c.join === "slices" ? x.split(-1, new Array<number>(c.copies).fill(d["W"] as number)) : undefined;
  const results = copiesOf(d, c).map((copy, i) => runInner(copy, slices?.[i] ?? x, { ...at, form }));
  const ys = results.map(({ y }) => y);
  return joined(joinedOutputs(ys, c), results, [c.mixer]);
}

function joinedOutputs(ys: readonly Tensor[], { join, copies }: C): Tensor {
  if (join === "slices") return concat(-1, ys);
  const sum = ys.reduce((total, y) => total.add(y));
  return join === "mean" && copies > 1 ? sum.div(copies) : sum;
}
