/** Config fields that many mixers share: one wording, one range. */
import { z } from "zod";

const count = () => z.int().positive();

export const headsOfWidth = () => count().default(4).describe("number of heads; must divide the model width");

/** `tokens`: the default, which suits the scan. */
export const chunkTokens = (tokens: number) =>
  count().default(tokens).describe("tokens per chunk of the parallel form; changes rounding and speed only");

export const chunkOfPowerOfTwo = (tokens: number) =>
  count().default(tokens).describe("tokens per chunk, rounded up to a power of two; changes rounding and speed only");

export const convTaps = () =>
  z.int().min(2).default(4).describe("taps of the short convolution on q, k and v, in tokens");

export const outputNormEpsilon = () =>
  z.number().positive().default(1e-5).describe("added to the mean square of the output norm");

export const keySizePerHead = () => count().optional().describe("key channels per head; default model width / heads");

export const valueSizePerHead = () =>
  count().optional().describe("value channels per head; default model width / heads");

export const negativeEigenvalues = () =>
  z.boolean().default(false).describe("β in (0, 2) instead of (0, 1): eigenvalues down to −1 (Grazzi et al. 2024)");
