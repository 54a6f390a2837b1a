/** Random subsets of keys in `attention`: stochastically subsampled self-attention (Hussain et al. 2023). Axes as there. */
import { z } from "zod";
import { type SubsampledAttention, subsampledAttention } from "../../ops/index.ts";
import { fail, where } from "../../tensor/index.ts";
import type { Io } from "../define.ts";
import type { AttentionConfig } from "./attention-config.ts";

export const subsample = z
  .strictObject({
    ratio: z.number().positive().max(1).describe("share of the keys that are drawn, anew for every step and sequence"),
    when: z
      .enum(["train", "always"])
      .default("train")
      .describe(
        "train: all keys in evaluation; always: evaluation draws too, for means over draws, and nothing decodes",
      ),
  })
  .optional()
  .describe("attention over a random subset of keys, the same one for all queries, at that share of the cost");

/** Options that look at all keys, or at keys by their place among all. */
const others = [
  ...([
    "score",
    "softcap",
    "scoreResidual",
    "contextualPositions",
    "selective",
    "dynamicMask",
    "weights",
    "topK",
  ] as const),
  ...(["talkingHeads", "memory", "zeroKey", "pattern"] as const),
] as const satisfies readonly (keyof AttentionConfig)[];

/** Throws E_ATTENTION_SUBSET where another option needs all keys. */
export function assertSubsample(c: AttentionConfig): void {
  if (!c.subsample) return;
  const biased = !["none", "rope", "rope-2d", "pope"].includes(c.positions.kind);
  const option = c.sinks ? "sinks" : biased ? "positions" : others.find((name) => c[name] !== undefined);
  if (option)
    fail({
      code: "E_ATTENTION_SUBSET",
      where: `attention.${option}`,
      expected: "no option but heads, windows, norms, rotations and gates beside subsample",
      got: option === "positions" ? c.positions.kind : option,
      hint: `Leave ${option} or subsample out.`,
    });
}

/** Attention over a subset, where one is to be drawn and nothing is cached; undefined otherwise. */
export function attendSubset(
  asked: Omit<SubsampledAttention, "chosen_BC">,
  { c, io, cached }: { c: AttentionConfig; io: Io; cached: boolean },
) {
  if (!c.subsample || cached || (io.mode === "eval" && c.subsample.when === "train")) return undefined;
  const [B, T] = [asked.q_BHTK.dim(0), asked.q_BHTK.dim(2)];
  const drawn = io.rng("subset").uniform([B, T]);
  const ranked = asked.mask_BT ? where(asked.mask_BT, drawn, -1) : drawn;
  const chosen_BC = ranked.topk(1, keysOf(c.subsample.ratio, T)).indices;
  const { y_BHTV, weights_BHTS } = subsampledAttention({ ...asked, chosen_BC });
  return { y_BHTV, weights_BHTS, scores_BHTS: weights_BHTS };
}

/** At least one. */
export const keysOf = (ratio: number, tokens: number): number => Math.max(1, Math.round(ratio * tokens));
