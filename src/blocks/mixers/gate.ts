/**
 * Data-controlled gating: a gate of the input decides, feature by feature, how much of one mixer's output passes, and how much of
 * another's in its place. Axes: B batch, T time, D model.
 */
import { z } from "zod";
import type { Tensor } from "../../tensor/index.ts";
import { defineMixer, type Result } from "../define.ts";
import { nest, unnest } from "../nesting.ts";
import { bias, matrix } from "../weights/declare.ts";
import { linear } from "../weights/use.ts";
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
  mixer: asChoice(innerMixer.prefault({ kind: "attention" }).describe("f, what passes where the gate is open")),
  other: asChoice(innerMixer).optional().describe("g, what passes where it is closed (default: nothing)"),
  open: z.number().default(0).describe("start of the gate's offset: σ(open) of f passes at first"),
});
type C = z.infer<typeof config>;
type Dims = Record<string, unknown>;

const innerOf = ({ mixer, other }: C) => [
  { name: "mixer", choice: mixer },
  ...(other ? [{ name: "other", choice: other }] : []),
];
const dims = (c: C, D: number): Dims =>
  Object.assign(
    { D },
    ...innerOf(c).map(({ name, choice }) => nest(name, innerDims(choice, { width: D, where: `gate.${name}` }))),
  );
const named = (d: Dims, c: C) => innerOf(c).map((inner) => ({ ...inner, d: unnest(inner.name, d) }));
const choicesOf = (c: C) => innerOf(c).map(({ choice }) => choice);

export const gate = defineMixer({
  kind: "gate",
  title: "A gate between two mixers",
  cite: {
    by: "Srivastava et al. 2015, eq. 3, for any mixers",
    title: "Highway networks",
    arxiv: "1505.00387",
  },
  patterns: ["data-gating"],
  equations: ["a_t = σ(W x_t + b)", "y_t = a_t ⊙ f(x)_t + (1 − a_t) ⊙ g(x)_t   (without g: a_t ⊙ f(x)_t)"],
  config,
  dims,
  params: (d, c) => ({
    gate: matrix(d["D"] as number, d["D"] as number),
    gateBias: bias(d["D"] as number, c.open),
    ...innerParams(named(d, c)),
  }),
  ...madeOf({ choicesOf, partsOf: named, run }),
});

function run(x: Tensor, at: OuterContext<C>, form: "forward" | "step"): Result<never> {
  const { c, d, p } = at;
  const results = named(d, c).map((inner) => runInner(inner, x, { ...at, form }));
  const open = linear(x, p["gate"]!, p["gateBias"]!).sigmoid();
  const [f, g] = results.map(({ y }) => y) as [Tensor, Tensor | undefined];
  const passed = f.mul(open);
  const y = g ? passed.add(g.mul(open.neg().add(1))) : passed;
  const result = joined(y, results, choicesOf(c));
  return { ...result, probes: { ...result.probes, open } };
}
