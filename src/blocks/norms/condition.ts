import { fail, type Tensor } from "../../tensor/index.ts";
import type { Io } from "../define.ts";

/** The condition beside x [B, T, D] ([B, T, C] or [B, 1, C]) or, in decoding, beside x [B, D] ([B, C]). Throws E_CONDITION where nobody feeds it. */
export function conditionOf({ cond_BTD }: Io, { rank, where }: { rank: number; where: string }): Tensor {
  if (cond_BTD === undefined)
    return fail({
      code: "E_CONDITION",
      where,
      expected: "a condition (io.cond_BTD)",
      got: "none",
      hint: "Only models that are given a condition beside their tokens can use it.",
    });
  return cond_BTD.rank > rank ? cond_BTD.squeeze(1) : cond_BTD;
}
