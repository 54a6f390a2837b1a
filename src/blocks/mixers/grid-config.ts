/** Options that mixers over a grid of tokens share. */
import { z } from "zod";

export const columns = z
  .int()
  .positive()
  .default(8)
  .describe("tokens a row of the grid, where the model is not given the grid's size");

export const stride = z
  .int()
  .positive()
  .max(16)
  .default(1)
  .describe("cells from one window to the next: above 1 the grid is thinned by it along both axes");

export const widen = z.number().positive().max(64).default(1).describe("width of the output / width of the input");

/** 3 · (1/3) is not 1 in binary; anything farther from whole is the user's. */
export const widened = (width: number, ratio: number): number => {
  const out = width * ratio;
  return Math.abs(out - Math.round(out)) < 1e-9 ? Math.round(out) : out;
};

/** What these options make of a stream, as `Mixer.reshapes` says it. */
export const reshapeOf = (c: { stride: number; widen: number }, width: number) =>
  c.stride === 1 && c.widen === 1 ? undefined : { width: widened(width, c.widen), stride: c.stride };
