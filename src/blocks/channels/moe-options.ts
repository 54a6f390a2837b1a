import { z } from "zod";
import { servingOrders } from "../../ops/index.ts";
import { fail } from "../../tensor/index.ts";
import { activationSchema } from "./activation.ts";
import { weightings } from "./experts.ts";
import { routings } from "./moe-routing.ts";

const choosing = {
  experts: z.int().positive().default(8).describe("number of experts"),
  topK: z.int().positive().default(2).describe("experts that serve each token"),
  routing: z
    .enum(routings)
    .default("softmax-topk-renormalise")
    .describe(
      "weights of the chosen: their own softmax (Mixtral), their shares of the softmax over all (Switch), sigmoids over their sum (DeepSeek-V3) or as they are; noisy-topk: their own softmax, chosen in training with learned noise; sinkhorn: shares, chosen in training by a plan even over the batch",
    ),
  routerNorm: z
    .enum(["layernorm"])
    .optional()
    .describe("norm of what the router alone reads, where none stands before the experts (MoEUT; default: none)"),
  routerBias: z.boolean().default(false).describe("whether the router's logits have offsets"),
  groups: z.int().positive().default(1).describe("equal groups of experts, of which a token may use some"),
  keptGroups: z.int().positive().default(1).describe("groups that a token may use: those of the best score"),
  groupScore: z
    .enum(["largest", "two-largest"])
    .default("two-largest")
    .describe("a group's score: its largest entry (DeepSeek-V2), or the sum of its two largest (DeepSeek-V3)"),
  biasSpeed: z
    .number()
    .min(0)
    .default(0)
    .describe("change per step of biases that only choosing sees and that even the load (DeepSeek-V3: 0.001); 0: none"),
  scale: z.number().positive().default(1).describe("factor of the routed experts' sum"),
  jitter: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe("in training the router's input is multiplied by uniform noise in 1 ± jitter"),
};

const nets = {
  hidden: z
    .int()
    .positive()
    .optional()
    .describe("hidden width of each expert; that of the dense channel mixer if absent"),
  expert: z.enum(["swiglu", "mlp"]).default("swiglu").describe("form of an expert: gated, or two plain maps"),
  activation: activationSchema.default("silu").describe("function inside each expert"),
  expertBias: z.boolean().default(false).describe("whether the experts' maps have offsets"),
  limit: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe("in gated experts the gate's product is cut off above it, the other beyond ± it (gpt-oss: 7)"),
  upOffset: z.number().default(0).describe("added to the product that is gated (gpt-oss: 1)"),
  shared: z
    .int()
    .positive()
    .nullable()
    .default(null)
    .describe("hidden width of a further expert that serves every token; null: none"),
  sharedGate: z
    .boolean()
    .default(false)
    .describe("whether the shared expert is multiplied by a sigmoid gate per token"),
  zeroExperts: z
    .int()
    .min(0)
    .default(0)
    .describe("further experts to choose that give back their input at no cost (LongCat-Flash)"),
};

const serving = {
  weighting: z
    .enum(weightings)
    .default("output")
    .describe(
      "where a choice's weight acts: on the expert's output, its input (Llama 4), or the output with a gradient as if on both",
    ),
  capacityFactor: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe(
      "slots of an expert per sequence, as a multiple of an even share; tokens beyond get zero output. null: none is dropped",
    ),
  order: z
    .enum(servingOrders)
    .default("tokens")
    .describe(
      "who gets an expert's slots first: earlier tokens; all first choices before second ones (GShard); the same with tokens of the greatest weight first (V-MoE)",
    ),
  dispatch: z
    .enum(["auto", "dense", "blocks"])
    .default("auto")
    .describe("how experts are run: dense on every token, or each on its own; changes nothing but speed"),
};

const losses = {
  balanceWeight: z.number().min(0).default(0.01).describe("weight of the load-balance loss"),
  zWeight: z.number().min(0).default(0.001).describe("weight of the router's z-loss"),
  informationWeight: z
    .number()
    .min(0)
    .default(0)
    .describe("weight of minus the information that tokens give of their experts (ModuleFormer)"),
  entropyWeight: z
    .number()
    .min(0)
    .optional()
    .describe(
      "weight of minus the entropy of a sequence's mean choice, over all rounds of a loop (σ-MoE, MoEUT; default: 0)",
    ),
};

export const moeConfig = z.strictObject({ ...choosing, ...nets, ...serving, ...losses });
export type MoeConfig = z.infer<typeof moeConfig>;

/** Throws E_MOE_TOPK, E_MOE_ROUTING, E_MOE_GROUPS or E_MOE_LIMIT where options do not go together. */
export function assertMoe(c: MoeConfig): void {
  const all = c.experts + c.zeroExperts;
  if (c.topK > all)
    fail({ code: "E_MOE_TOPK", where: "moe.topK", expected: `at most the ${all} experts`, got: String(c.topK) });
  const ownSoftmax = c.routing === "softmax-topk-renormalise" || c.routing === "noisy-topk";
  if (c.topK === 1 && (ownSoftmax || c.routing === "sigmoid-topk-renormalise"))
    fail({
      code: "E_MOE_TOPK",
      where: "moe.topK",
      expected: `at least 2 with routing "${c.routing}"`,
      got: "1: its renormalised weight is always 1, which gives the router no gradient",
      hint: 'Use routing "topk-of-softmax" (Switch), or topK 2.',
    });
  if ((c.limit !== null || c.upOffset !== 0) && c.expert !== "swiglu")
    fail({ code: "E_MOE_LIMIT", where: "moe.expert", expected: '"swiglu" with limit or upOffset', got: c.expert });
  assertGroups(c);
}

function assertGroups({ experts, topK, groups, keptGroups, routing, biasSpeed, zeroExperts }: MoeConfig): void {
  const own = groups > 1 || biasSpeed > 0;
  if (own && (routing === "noisy-topk" || routing === "sinkhorn"))
    fail({
      code: "E_MOE_ROUTING",
      where: "moe.routing",
      expected: "a routing by softmax or sigmoid where groups or biasSpeed are set",
      got: routing,
    });
  const reachable = (keptGroups * (experts + zeroExperts)) / groups;
  if (keptGroups > groups || reachable < topK)
    fail({
      code: "E_MOE_GROUPS",
      where: "moe.keptGroups",
      expected: `at most the ${groups} groups, holding at least topK ${topK} experts`,
      got: `${keptGroups} of ${groups} groups with ${reachable} experts`,
    });
}
