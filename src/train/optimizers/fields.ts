import { z } from "zod";

/** Config fields that several optimizers share, with their own defaults. */
export const rateField = (value: number) => z.number().positive().default(value).describe("peak step size");

export const weightDecayField = (value = 0) =>
  z.number().min(0).default(value).describe("pull towards 0; on matrices only unless decayAll or roles say otherwise");

/**
 * coupled: added to the gradient as weightDecay·p (L2); decoupled: p·(1 − rate·weightDecay) before the update; independent: as
 * decoupled with the rate relative to its peak (Loshchilov & Hutter 2019, algorithm 2).
 */
export const decayField = (value: "coupled" | "decoupled" | "independent") =>
  z
    .enum(["coupled", "decoupled", "independent"])
    .default(value)
    .describe("how weightDecay enters: in the gradient, or apart from it");

export const betaField = (value: number, describe: string) => z.number().min(0).lt(1).default(value).describe(describe);

export const epsilonField = (value: number) =>
  z.number().min(0).default(value).describe("added where a division could be by 0");

const roleSettings = z.strictObject({
  rateRatio: z.number().min(0).default(1).describe("step size / the optimizer's"),
  weightDecay: z.number().min(0).nullable().default(null).describe("in place of the optimizer's; null: that one"),
});

/** Settings that every optimizer has. */
export const commonFields = {
  decayAll: z.boolean().default(false).describe("decay gains, biases and embeddings too"),
  roles: z
    .partialRecord(z.enum(["matrix", "embedding", "gain", "bias", "vector"]), roleSettings)
    .default({})
    .describe("settings by parameter role"),
  clipNorm: z.number().positive().nullable().default(1).describe("largest global gradient norm; null: no clipping"),
  clipValue: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe("largest size of one gradient entry, after clipNorm; null: no clipping"),
  maximize: z.boolean().default(false).describe("climb the loss instead of descending it"),
  ema: z
    .union([z.number().gt(0).lt(1), z.literal("mean")])
    .nullable()
    .default(null)
    .describe(
      "average the parameters over steps, for evaluation: the decay of an exponential average, or the mean of all; null: none",
    ),
};
export type CommonConfig = z.output<z.ZodObject<typeof commonFields>>;
