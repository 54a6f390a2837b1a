import { z } from "zod";

/**
 * Counting from 1, a warm-up's first step is above 0 and a decay's last one is at its floor; PyTorch and transformers count from 0.
 */
export const firstStepField = (value: 0 | 1) =>
  z
    .union([z.literal(0), z.literal(1)])
    .default(value)
    .describe("the number of the first step: 1, or 0 as PyTorch and transformers count");

export const floorField = (value: number) => z.number().min(0).max(1).default(value).describe("last rate / peak rate");
export const gammaField = z.number().gt(0).default(0.1).describe("factor of each drop");
