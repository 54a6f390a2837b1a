/** Which tokenizer to use, as data; fitting it; and reading a stored one back. */
import { z } from "zod";
import { parseStored } from "../../checkpoints/index.ts";
import { createBpeTokenizer, trainBpe } from "./bpe.ts";
import { byteTokenizer } from "./byte.ts";
import { createCharTokenizer, fitCharTokenizer } from "./char.ts";
import { maxEntries } from "./merge-learner.ts";
import type { Tokenizer } from "./tokenizer.ts";

export type TokenizerChoice = { kind: "byte" } | { kind: "char" } | { kind: "bpe"; entries: number };

/** Fits the chosen tokenizer to a text, which must be training text only. Throws `E_BPE_ENTRIES`. */
export function fitTokenizer(text: string, choice: TokenizerChoice): Tokenizer {
  if (choice.kind === "byte") return byteTokenizer;
  return choice.kind === "char" ? fitCharTokenizer(text) : trainBpe(text, choice);
}

const id = z.int().min(0).lt(maxEntries);
const stored = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("byte") }),
  z.strictObject({ kind: z.literal("char"), characters: z.string() }),
  z.strictObject({ kind: z.literal("bpe"), merges: z.array(z.tuple([id, id])) }),
]);

/** The tokenizer of what `toJSON` gave. Throws `E_TOKENIZER`, naming the path, for any other value. */
export function tokenizerFromJSON(value: unknown): Tokenizer {
  const json = parseStored(stored, value, { where: "tokenizer", code: "E_TOKENIZER" });
  if (json.kind === "byte") return byteTokenizer;
  return json.kind === "char" ? createCharTokenizer(json.characters) : createBpeTokenizer(json.merges);
}
