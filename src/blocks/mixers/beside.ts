/**
 * Two mixers that read the same input, the second one's output added with a small weight, as HAT's convolutions stand beside its
 * windows. Axes: B batch, T time, D model.
 */
import { z } from "zod";
import type { Tensor } from "../../tensor/index.ts";
import { defineMixer, type Result } from "../define.ts";
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
  mixer: asChoice(innerMixer.prefault({ kind: "attention" }).describe("f, whose output is taken whole")),
  other: asChoice(innerMixer.prefault({ kind: "short-conv" }).describe("g, whose output is weighed")),
  weight: z.number().min(0).default(0.01).describe("α: fixed weight of g's output; 0: f alone"),
});
type C = z.infer<typeof config>;
type Dims = Record<string, unknown>;

const names = ["mixer", "other"] as const;
const dims = (c: C, D: number): Dims =>
  Object.assign({ D }, ...names.map((name) => nest(name, innerDims(c[name], { width: D, where: `beside.${name}` }))));
const partsOf = (d: Dims, c: C) => names.map((name) => ({ name, choice: c[name], d: unnest(name, d) }));
const choicesOf = (c: C) => names.map((name) => c[name]);

export const beside = defineMixer({
  kind: "beside",
  title: "One mixer beside another",
  cite: { by: "Chen et al. 2023, eq. 3, for any mixers", title: "Activating more pixels (HAT)", arxiv: "2205.04437" },
  patterns: ["multi-x"],
  equations: ["y = f(x) + α g(x)"],
  config,
  dims,
  params: (d, c) => innerParams(partsOf(d, c)),
  ...madeOf({ choicesOf, partsOf, run }),
});

function run(x: Tensor, at: OuterContext<C>, form: "forward" | "step"): Result<never> {
  const results = partsOf(at.d, at.c).map((inner) => runInner(inner, x, { ...at, form }));
  const [f, g] = results.map(({ y }) => y) as [Tensor, Tensor];
  return joined(f.add(g.mul(at.c.weight)), results, choicesOf(at.c));
}
