/**
 * Any causal mixer in both directions: one reads the tokens from the first, another from the last, and their outputs are joined.
 * Axes: B batch, T time, D model.
 */
import { z } from "zod";
import { concat, fail } from "../../tensor/index.ts";
import { type Capabilities, defineMixer, type Mixer } from "../define.ts";
import { erase } from "../erased.ts";
import { mixers } from "../generated/inner-mixers.ts";
import { nest, unnest } from "../nesting.ts";
import { matrix, type ParameterDeclaration } from "../weights/declare.ts";
import { linear, type Weight } from "../weights/use.ts";
import { bothWays } from "./both-ways.ts";

const registry = erase<"mixers">(mixers);

/** A mixer's kind and options, as they stand in a layer. */
export interface MixerChoice {
  readonly kind: string;
  readonly [option: string]: unknown;
}

const readsMemory = ({ reads }: Mixer) => reads?.includes("memory") === true;
const members = Object.values(registry)
  .filter((mixer) => !readsMemory(mixer))
  .map(({ kind, title, config }) =>
    (config as unknown as z.ZodObject).extend({ kind: z.literal(kind).describe(title) }),
  );
const choice = z
  .discriminatedUnion("kind", members as unknown as [z.ZodObject<{ kind: z.ZodLiteral<string> }>])
  .prefault({ kind: "lstm" })
  .describe("causal mixer that is run in both directions") as unknown as z.ZodType<MixerChoice>;

const config = z.strictObject({
  mixer: choice,
  combine: z
    .enum(["concat", "add"])
    .default("concat")
    .describe("concat: both outputs side by side, projected to the model width; add: their sum"),
  shared: z.boolean().default(false).describe("one set of weights for both directions"),
});
type C = z.infer<typeof config>;

const innerOf = ({ kind }: MixerChoice): Mixer => registry[kind]!;
const optionsOf = ({ kind: _, ...options }: MixerChoice): Record<string, unknown> => options;

function innerCapabilities({ mixer }: C): Capabilities {
  const { capabilities } = innerOf(mixer);
  return typeof capabilities === "function" ? capabilities(optionsOf(mixer)) : capabilities;
}

/** Throws E_BIDIRECTIONAL where the inner mixer looks ahead by itself. */
function dims(c: C, D: number): Record<string, unknown> {
  const { flow } = innerCapabilities(c);
  if (flow !== "causal")
    fail({
      code: "E_BIDIRECTIONAL",
      where: `bidirectional.mixer.${c.mixer.kind}`,
      expected: "a causal mixer",
      got: `one whose flow is ${flow}`,
      hint: "It needs no second direction: put it into the layer itself.",
    });
  return { D, ...nest("inner", innerOf(c.mixer).dims(optionsOf(c.mixer), D)) };
}

function params(d: Record<string, unknown>, c: C): Record<string, ParameterDeclaration> {
  const D = d.D as number;
  const inner = innerOf(c.mixer).params(unnest("inner", d), optionsOf(c.mixer));
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
  equations: [
    "a = mixer(x),  b = reverse(mixer′(reverse(x)))   (reversal in time)",
    "concat: y_t = W_out [a_t, b_t];  add: y_t = a_t + b_t",
  ],
  config,
  dims,
  params,
  reads: ["mask_BT", "dt_BT"],
  capabilities: (c) => ({ ...innerCapabilities(c), flow: "bidirectional", state: "none" }),
  state: () => ({}),
  forward(x_BTD, { c, d, p, io }) {
    const inner = { c: optionsOf(c.mixer), d: unnest("inner", d), s: {}, b: {} };
    const { ahead, back } = bothWays(x_BTD, io, (x, direction, its) => {
      const weights: Record<string, Weight> = unnest(c.shared ? "ahead" : direction, p);
      const own = { ...its, rng: (label: string) => its.rng(`${direction}.${label}`) };
      return innerOf(c.mixer).forward(x, { ...inner, p: weights, io: own });
    });
    const y = p.out ? linear(concat(-1, [ahead.y, back.y]), p.out) : ahead.y.add(back.y);
    return { y, s: {}, losses: [...(ahead.losses ?? []), ...(back.losses ?? [])] };
  },
});
