/**
 * Any causal mixer in both directions: one reads the tokens from the first, another from the last, and their outputs are joined.
 * Axes: B batch, T time, D model.
 */
import { z } from "zod";
import { concat, fail, ones, type Tensor, where } from "../../tensor/index.ts";
import { type Capabilities, defineMixer, type Io, type Mixer, type Result } from "../define.ts";
import { erase } from "../erased.ts";
import { mixers } from "../generated/inner-mixers.ts";
import { nest, unnest } from "../nesting.ts";
import { matrix, type ParameterDeclaration } from "../weights/declare.ts";
import { linear, type Weight } from "../weights/use.ts";

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

export type Direction = "ahead" | "back";

/** Runs something over the tokens in their order and in the other one; both outputs stand in the order of the tokens. */
export function bothWays<R extends Pick<Result<unknown>, "y">>(
  x_BTD: Tensor,
  io: Io,
  run: (x_BTD: Tensor, direction: Direction, io: Io) => R,
): Record<Direction, R> {
  const back = run(x_BTD.flip(1), "back", mirrored(io));
  return { ahead: run(x_BTD, "ahead", io), back: { ...back, y: back.y.flip(1) } };
}

/** What goes with tokens in the other order. Padding changes sides; the time before a token is that after it. */
function mirrored({ mask_BT, positions_BT, dt_BT, segments_BT, ...rest }: Io): Io {
  return {
    ...rest,
    ...(mask_BT && { mask_BT: mask_BT.flip(1) }),
    ...(positions_BT && { positions_BT: positions_BT.flip(1) }),
    ...(segments_BT && { segments_BT: segments_BT.flip(1) }),
    ...(dt_BT && { dt_BT: timeAfter(dt_BT, mask_BT).flip(1) }),
  };
}

/** Time until the next token; 1 after the last. */
function timeAfter(dt_BT: Tensor, mask_BT: Tensor | undefined): Tensor {
  const last = ones([dt_BT.dim(0), 1]);
  const next = concat(1, [dt_BT.slice(1, 1), last]);
  if (!mask_BT) return next;
  const known = concat(1, [mask_BT.slice(1, 1).cast("f32"), last.mul(0)]).cast("bool");
  return where(known, next, 1);
}
