import { fail } from "../../tensor/index.ts";

/** Rejects a sequence for whose later tokens a mixer has no parameters. */
export function assertTokens(kind: string, tokens: number, maxTokens: number): void {
  if (tokens > maxTokens)
    fail({
      code: "E_LENGTH",
      where: kind,
      expected: `at most maxTokens = ${maxTokens} tokens`,
      got: String(tokens),
      hint: "Raise maxTokens, or cut the sequence.",
    });
}
