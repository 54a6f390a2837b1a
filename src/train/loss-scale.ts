import { z } from "zod";

const growing = z.number().gt(1).default(2);

/** A factor on the loss that keeps small gradients above the smallest number of their format; gradients are divided by it. */
export const lossScaleSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("none") }),
  z.strictObject({
    kind: z.literal("fixed"),
    scale: z.number().positive().default(1024).describe("factor; powers of two change no digits"),
  }),
  z.strictObject({
    kind: z.literal("dynamic"),
    first: z.number().positive().default(65_536).describe("factor of the first step"),
    growth: growing.describe("what the factor is multiplied by after enough steps, and divided by after an overflow"),
    growthSteps: z.int().positive().default(2000).describe("steps without overflow before it grows"),
    least: z.number().positive().default(1).describe("below it an overflow is taken for a fault of the training"),
  }),
]);
export type LossScaleConfig = z.output<typeof lossScaleSchema>;

/** Where a dynamic scale stands, for checkpoints. */
export const lossScaleState = z.strictObject({ scale: z.number().positive(), steps: z.int().nonnegative() });
export type LossScaleState = z.output<typeof lossScaleState>;

/** The scale of the step at hand (Micikevicius et al. 2018, section 3.2). */
export interface LossScaler {
  readonly scale: number;
  /** Only where it moves. */
  readonly state: LossScaleState | undefined;
  /** After a step whose gradients are finite. */
  succeeded(): void;
  /** After gradients that are not finite: whether the step may be tried again with a smaller scale. */
  overflowed(): boolean;
  restore(state: LossScaleState | undefined): void;
}

export function createLossScaler(c: LossScaleConfig): LossScaler {
  return c.kind === "dynamic" ? dynamicScaler(c) : constantScaler(c.kind === "fixed" ? c.scale : 1);
}

const constantScaler = (scale: number): LossScaler => ({
  scale,
  state: undefined,
  succeeded: () => {},
  overflowed: () => false,
  restore: () => {},
});

/** Beyond it a scale says nothing: f32 ends at 2^128. */
const largest = 2 ** 96;

function dynamicScaler(c: Extract<LossScaleConfig, { kind: "dynamic" }>): LossScaler {
  let now: LossScaleState = { scale: c.first, steps: 0 };
  return {
    get scale() {
      return now.scale;
    },
    get state() {
      return now;
    },
    succeeded() {
      const steps = now.steps + 1;
      const grown = Math.max(now.scale, Math.min(now.scale * c.growth, largest));
      now = steps < c.growthSteps ? { ...now, steps } : { scale: grown, steps: 0 };
    },
    overflowed() {
      const scale = now.scale / c.growth;
      if (scale < c.least) return false;
      now = { scale, steps: 0 };
      return true;
    },
    restore(state) {
      now = state ?? { scale: c.first, steps: 0 };
    },
  };
}
