/**
 * Random mixing (RandFormer): every token reads all others with weights that were drawn once and never learn.
 * Axes: B batch, T time, D model, L tokens at most.
 */
import { z } from "zod";
import { createRng, fnv1a } from "../../ops/index.ts";
import { constant, type Tensor, where } from "../../tensor/index.ts";
import { wholeSequence } from "../capabilities.ts";
import { defineMixer } from "../define.ts";
import { assertTokens } from "./max-tokens.ts";
import { realTokens } from "./token-mlp.ts";

const config = z.strictObject({
  maxTokens: z.int().positive().max(4096).default(256).describe("longest sequence; a shorter one shares its weights"),
  seed: z.int().min(0).default(0).describe("of the weights: give every layer its own"),
});
type C = z.infer<typeof config>;

export const randomMixing = defineMixer({
  kind: "random-mixing",
  title: "Random mixing (RandFormer)",
  cite: { arxiv: "2210.13452", by: "Yu et al. 2022 (MetaFormer baselines), section 3.2" },
  equations: ["y = softmax(R) x,  R_ts uniform in [0, 1), drawn once   (over time, for every feature)"],
  config,
  dims: (c, D: number) => ({ D, L: c.maxTokens }),
  params: () => ({}),
  reads: ["mask_BT"],
  capabilities: { ...wholeSequence, length: "max" },
  state: () => ({}),
  forward(x_BTD, { c, io }) {
    const T = x_BTD.dim(1);
    assertTokens("random-mixing", T, c.maxTokens);
    const scores = constant(drawn(c, T), [T, T]);
    return { y: weightsOf(scores, io.mask_BT).matmul(realTokens(x_BTD, io.mask_BT)), s: {} };
  },
});

/** Softmax over real tokens; a query without any, in padding, has no weights. */
function weightsOf(scores_TT: Tensor, mask_BT: Tensor | undefined): Tensor {
  if (!mask_BT) return scores_TT.softmax(-1);
  return where(mask_BT.unsqueeze(1), scores_TT, -1e30).softmax(-1);
}

/** The first T rows and columns of R, row by row. */
export function drawn({ maxTokens, seed }: C, T: number): Float64Array {
  const rng = createRng(fnv1a(`random-mixing ${seed}`));
  const values = new Float64Array(T * T);
  for (let row = 0; row < T; row++)
    for (let column = 0; column < maxTokens; column++) {
      const value = rng.uniform();
      if (column < T) values[row * T + column] = Math.fround(value);
    }
  return values;
}
