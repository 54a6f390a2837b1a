/**
 * Any causal mixer in both directions: one reads the tokens from the first, another from the last, and their outputs are joined.
 * Axes: B batch, T time, D model.
 */
import { z } from "zod";
import { concat, fail } from "../../tensor/index.ts";
import { defineMixer } from "../define.ts";
import { nest, unnest } from "../nesting.ts";
import { matrix, type ParameterDeclaration } from "../weights/declare.ts";
import { linear, type Weight } from "../weights/use.ts";
import { bothWays } from "./both-ways.ts";
import { asChoice, innerDims, innerMixer, mixerOf, optionsOf, promisesOf } from "./inner-mixer.ts";

const config = z.strictObject({
  mixer: asChoice(innerMixer.prefault({ kind: "lstm" }).describe("causal mixer that is run in both directions")),
  combine: z
    .enum(["concat", "add"])
    .default("concat")
    .describe("concat: both outputs side by side, projected to the model width; add: their sum"),
  shared: z.boolean().default(false).describe("one set of weights for both directions"),
});
type C = z.infer<typeof config>;

/** Throws E_BIDIRECTIONAL where the inner mixer looks ahead by itself. */
function dims(c: C, D: number): Record<string, unknown> {
  const { flow } = promisesOf(c.mixer);
  if (flow !== "causal")
    fail({
      code: "E_BIDIRECTIONAL",
      where: `bidirectional.mixer.${c.mixer.kind}`,
      expected: "a causal mixer",
      got: `one whose flow is ${flow}`,
      hint: "It needs no second direction: put it into the layer itself.",
    });
  return { D, ...nest("inner", innerDims(c.mixer, { width: D, where: "bidirectional.mixer" })) };
}

function params(d: Record<string, unknown>, c: C): Record<string, ParameterDeclaration> {
  const D = d.D as number;
  const inner = mixerOf(c.mixer).params(unnest("inner", d), optionsOf(c.mixer));
  return {
    ...nest("ahead", inner),
    ...(!c.shared && nest("back", inner)),
    ...(c.combine === "concat" && { out: matrix(2 * D, D, { init: "residual" }) }),
  };
}

export const bidirectional = defineMixer({
  kind: "bidirectional",
  title: "Both directions of a causal mixer",
  cite: {
    by: "Schuster & Paliwal 1997",
    title: "Bidirectional recurrent neural networks",
    url: "https://doi.org/10.1109/78.650093",
  },
  patterns: ["multi-x"],
  equations: [
    "a = mixer(x),  b = reverse(mixer′(reverse(x)))   (reversal in time)",
    "concat: y_t = W_out [a_t, b_t];  add: y_t = a_t + b_t",
  ],
  config,
  dims,
  params,
  reads: ["mask_BT", "dt_BT"],
  capabilities: (c) => ({ ...promisesOf(c.mixer), flow: "bidirectional", state: "none" }),
  state: () => ({}),
  forward(x_BTD, { c, d, p, io }) {
    const inner = { c: optionsOf(c.mixer), d: unnest("inner", d), s: {}, b: {} };
    const { ahead, back } = bothWays(x_BTD, io, (x, direction, its) => {
      const weights: Record<string, Weight> = unnest(c.shared ? "ahead" : direction, p);
      const own = { ...its, rng: (label: string) => its.rng(`${direction}.${label}`) };
      return mixerOf(c.mixer).forward(x, { ...inner, p: weights, io: own });
    });
    const y = p.out ? linear(concat(-1, [ahead.y, back.y]), p.out) : ahead.y.add(back.y);
    return { y, s: {}, losses: [...(ahead.losses ?? []), ...(back.losses ?? [])] };
  },
});
