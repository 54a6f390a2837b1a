import type { Io } from "../blocks/index.ts";
import { type Tensor, where } from "../tensor/index.ts";

/** Inverted dropout (Srivastava et al. 2014): zero with probability `prob`, else divided by 1 − prob; identity outside training. */
export function dropout(x: Tensor, prob: number, { io, path }: { io: Io; path: string }): Tensor {
  if (prob === 0 || io.mode === "eval") return x;
  const keep = io.rng(`${path}.dropout`).uniform(x.shape).greaterEqual(prob);
  return where(keep, x.div(1 - prob), 0);
}
