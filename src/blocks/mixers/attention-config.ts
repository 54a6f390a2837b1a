import { z } from "zod";
import { attentionWeightings } from "../../ops/index.ts";
import { fail } from "../../tensor/index.ts";
import { activationSchema } from "../channels/activation.ts";
import { queryKeyNorms } from "./attention-norm.ts";
import { attentionPatterns, farthest } from "./attention-pattern.ts";
import { attentionPositions } from "./attention-positions.ts";
import { assertSubsample, subsample } from "./attention-subset.ts";

const shape = {
  heads: z.int().positive().default(4).describe("query heads"),
  kvHeads: z
    .int()
    .positive()
    .optional()
    .describe("key and value heads, each shared by heads / kvHeads query heads (default: heads)"),
  headSize: z.int().positive().optional().describe("width of a head (default: model width / heads)"),
  valueSize: z.int().positive().optional().describe("width of a head's values (default: headSize)"),
};

const reach = {
  causal: z.boolean().default(true).describe("a token sees itself and earlier ones only; false: all, and no decoding"),
  window: z
    .int()
    .positive()
    .optional()
    .describe("distance in tokens from which keys are not seen, the token itself counted (default: none)"),
  pattern: attentionPatterns.optional().describe("further limits on the keys that a token sees (default: none)"),
  positions: attentionPositions,
};

const maps = {
  bias: z.boolean().default(false).describe("offsets on queries, keys and values"),
  outBias: z.boolean().default(false).describe("offset on the output"),
  clip: z.number().positive().optional().describe("queries, keys and values are cut to ±clip (default: not)"),
  memory: z.int().positive().optional().describe("learned keys and values a head beside the tokens (default: none)"),
  zeroKey: z.boolean().optional().describe("a key and value of zeros beside the tokens: a head may look nowhere"),
};

const norms = {
  qkNorm: z
    .enum(queryKeyNorms)
    .default("none")
    .describe(
      "norm of queries and keys: rms or layer a head, rms-wide over all heads, l2 with a learned temperature in place of the scale",
    ),
  normEpsilon: z.number().positive().default(1e-6).describe("added to the mean square or variance by qkNorm"),
  normGain: z
    .enum(["per-head", "none"])
    .optional()
    .describe("gains of qkNorm rms and layer: a head its own, or none (default: one for all heads)"),
  normOffset: z.boolean().optional().describe("offsets of qkNorm layer (default: true)"),
  normGroups: z.int().positive().optional().describe("equal parts of a head with a length of their own in qkNorm l2"),
  normAfterPositions: z.boolean().optional().describe("qkNorm stands behind the rotation (default: before it)"),
  valueNorm: z.boolean().optional().describe("RMS norm of each head's values, with a gain a head"),
};

const scores = {
  softcap: z.number().positive().optional().describe("c: scores become c·tanh(score / c) (default: none)"),
  sinks: z.boolean().default(false).describe("a learned logit a head that takes weight away from all keys"),
  scale: z
    .union([z.enum(["rsqrt", "inverse", "none"]), z.number().positive()])
    .default("rsqrt")
    .describe("factor on q·k: rsqrt 1/√headSize, inverse 1/headSize (µP), none 1, or a number"),
  score: z
    .enum(["bilinear", "additive", "distance"])
    .optional()
    .describe("q·W·k (Luong 2015, general), w·tanh(q + k) (Bahdanau 2014), or −|q − k|² (default: q·k)"),
  scoreHidden: z
    .int()
    .positive()
    .optional()
    .describe(
      "A: additive scores are w·tanh(W₁q + W₂k) over A units a head (default: no maps beside those of q and k)",
    ),
  lengthScale: z
    .strictObject({
      every: z.int().positive().default(8192).describe("tokens a step of the logarithm"),
      slope: z.number().positive().default(0.1).describe("growth of the queries by the logarithm"),
    })
    .optional()
    .describe("queries grow by 1 + slope·ln(1 + ⌊(t + 1) / every⌋), against fading in long contexts (Llama 4)"),
  scoreResidual: z
    .boolean()
    .optional()
    .describe("adds the scores that the attention before handed on, and hands on its own (RealFormer)"),
  contextualPositions: z
    .int()
    .min(2)
    .optional()
    .describe("CoPE (Golovneva 2024): number of learned positions, counted by gates that depend on the tokens between"),
  selective: z
    .boolean()
    .optional()
    .describe("tokens lower the scores of earlier ones for all after them (Leviathan 2024); no decoding"),
  dynamicMask: z
    .int()
    .positive()
    .optional()
    .describe("keys a query keeps at most, those of the largest bias that their values give themselves (Doge)"),
};

const weights = {
  weights: z
    .enum(attentionWeightings)
    .optional()
    .describe("weights from scores in place of softmax: see the attention literature by name"),
  topK: z.int().positive().optional().describe("only the k largest scores keep a weight (default: all)"),
  topKGradient: z
    .enum(["kept", "all"])
    .optional()
    .describe("gradient of topK: of the weights kept (default), or as if all had been kept"),
  talkingHeads: z
    .enum(["before", "after", "both", "gate"])
    .optional()
    .describe("heads mix their scores, their weights, both, or scale weights by mixed scores (Shazeer 2020)"),
  talkingBias: z.boolean().optional().describe("offsets a head beside the mixtures of talkingHeads (CaiT)"),
  subsample,
  weightDropout: z.number().min(0).lt(1).default(0).describe("probability of dropping an attention weight in training"),
};

const output = {
  valueResidual: z
    .enum(["half", "learned"])
    .optional()
    .describe("values are mixed with those that an earlier attention without this option handed on (ResFormer)"),
  laser: z
    .number()
    .positive()
    .optional()
    .describe("c: attends to exp(c·tanh(v / c)) and takes the logarithm (LASER; default: not)"),
  headScale: z.boolean().optional().describe("a learned factor on each head's output (NormFormer)"),
  gate: z
    .enum(["feature", "head", "output"])
    .optional()
    .describe("factor on the heads' outputs from the input, by feature or by head, or from the output itself"),
  headNet: z
    .strictObject({
      hidden: z.int().positive().describe("hidden features"),
      activation: activationSchema.default("relu").describe("its nonlinearity"),
    })
    .optional()
    .describe("a small net over each head's output, the same one for all heads, with a sum around it (PartialFormer)"),
  gateActivation: z.enum(["sigmoid", "silu", "relu"]).optional().describe("function of the gate (default: sigmoid)"),
  outGate: z.boolean().optional().describe("the output map gives values and their gate (attention on attention)"),
};

/** Options of `attention`. Those without a default are off unless they are named. */
export const attentionConfig = z.strictObject({
  ...shape,
  ...reach,
  ...maps,
  ...norms,
  ...scores,
  ...weights,
  ...output,
});
export type AttentionConfig = z.infer<typeof attentionConfig>;

/** Whether tokens can be made one by one. */
export const decodes = (c: AttentionConfig): boolean => c.causal && !c.selective && c.subsample?.when !== "always";

/**
 * Throws E_ATTENTION_ORDER where options need all earlier keys in the order of time, and only some or others are there, and
 * E_ATTENTION_SCORE where the score has no place for its option.
 */
export function assertOptions(c: AttentionConfig): void {
  assertSubsample(c);
  if (c.scoreHidden !== undefined && c.score !== "additive")
    fail({
      code: "E_ATTENTION_SCORE",
      where: "attention.scoreHidden",
      expected: 'score "additive", which alone has hidden units',
      got: c.score ?? "the scaled product",
      hint: 'Set score to "additive", or leave scoreHidden out.',
    });
  if (c.selective && c.memory !== undefined)
    fail({
      code: "E_ATTENTION_ORDER",
      where: "attention.memory",
      expected: "no learned keys beside the tokens, as selective attention counts what tokens say of each other",
      got: String(c.memory),
      hint: "Leave memory or selective out.",
    });
  const option = c.contextualPositions !== undefined ? "contextualPositions" : "weights";
  const ordered = c.contextualPositions !== undefined || c.weights === "stick-breaking";
  if (ordered && farthest(c.pattern, c.window) !== undefined)
    fail({
      code: "E_ATTENTION_ORDER",
      where: `attention.${option}`,
      expected: "all earlier keys",
      got: "a window, or a pattern that reaches only so far",
      hint: "Leave window and pattern out.",
    });
}
