import { fail, SeqlabError } from "../../tensor/error.ts";

/** Codes of faults in how a command was called: exit status 2. */
const usageCodes = new Set(["E_COMMAND", "E_OPTION", "E_OPERAND", "E_SETTING"]);

export const isUsageError = (error: unknown): boolean =>
  error instanceof SeqlabError && usageCodes.has(error.fault.code);

interface UsageFault {
  code: "E_COMMAND" | "E_OPTION" | "E_OPERAND";
  where: string;
  expected: string;
  got?: string;
  hint?: string;
}

export function failUsage(fault: UsageFault): never {
  return fail(fault);
}

/** The hint for an unknown word: the known one it is nearest to, else where all are listed. */
export async function didYouMean(word: string, known: readonly string[], otherwise: string): Promise<string> {
  // Imported when needed: specs know every block, and help should not wait for them.
  const { nearest } = await import("../../spec/index.ts");
  const near = nearest(word, known);
  return near === undefined ? otherwise : `Did you mean ${near}?`;
}
