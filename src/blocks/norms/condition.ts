import { fail, type Tensor } from "../../tensor/index.ts";
import type { Io } from "../define.ts";

/** What reads a condition: the rank of its own input, its name, and the width that the condition must have, if any. */
interface Reader {
  rank: number;
  where: string;
  width?: number | undefined;
}

/** The condition beside x [B, T, D] ([B, T, C] or [B, 1, C]) or, in decoding, beside x [B, D] ([B, C]). Throws E_CONDITION where nobody feeds it, or one of another width. */
export function conditionOf({ cond_BTD }: Io, { rank, where, width }: Reader): Tensor {
  if (cond_BTD === undefined)
    return fail({
      code: "E_CONDITION",
      where,
      expected: "a condition (io.cond_BTD)",
      got: "none",
      hint: "Only models that are given a condition beside their tokens can use it.",
    });
  if (width !== undefined && cond_BTD.dim(-1) !== width)
    fail({
      code: "E_CONDITION",
      where: `${where}.condition`,
      expected: `the width of the condition that is fed, ${cond_BTD.dim(-1)}`,
      got: String(width),
    });
  return cond_BTD.rank > rank ? cond_BTD.squeeze(1) : cond_BTD;
}
