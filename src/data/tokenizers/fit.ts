/** Which tokenizer to use, as data; fitting it; and reading a stored one back. */
import { z } from "zod";
import { parseStored } from "../../checkpoints/index.ts";
import { createBpeTokenizer, trainBpe } from "./bpe.ts";
import { byteTokenizer } from "./byte.ts";
import { createCharTokenizer, fitCharTokenizer } from "./char.ts";
import { createHuggingFaceTokenizer } from "./hugging-face.ts";
import { maxEntries } from "./merge-learner.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { readTokenizerFile } from "./tokenizer-file.ts";

export type TokenizerChoice =
  | { kind: "byte" }
  | { kind: "char" }
  | { kind: "bpe"; entries: number }
  /** A `tokenizer.json` of Hugging Face: fitted to nothing. */
  | { kind: "file"; path: string };

/**
 * Fits the chosen tokenizer to a text, which must be training text only, or reads the given one. Throws `E_BPE_ENTRIES`, and
 * `E_TOKENIZER_FILE` or `E_TOKENIZER` for a file.
 */
export function fitTokenizer(text: string, choice: TokenizerChoice): Tokenizer {
  if (choice.kind === "byte") return byteTokenizer;
  if (choice.kind === "file") return readTokenizerFile(choice.path);
  return choice.kind === "char" ? fitCharTokenizer(text) : trainBpe(text, choice);
}

const id = z.int().min(0).lt(maxEntries);
const stored = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("byte") }),
  z.strictObject({ kind: z.literal("char"), characters: z.string() }),
  z.strictObject({ kind: z.literal("bpe"), merges: z.array(z.tuple([id, id])) }),
  z.strictObject({ kind: z.literal("huggingface"), file: z.json() }),
]);

/** The tokenizer of what `toJSON` gave. Throws `E_TOKENIZER`, naming the path, for any other value. */
export function tokenizerFromJSON(value: unknown): Tokenizer {
  const json = parseStored(stored, value, { where: "tokenizer", code: "E_TOKENIZER" });
  if (json.kind === "byte") return byteTokenizer;
  if (json.kind === "huggingface") return createHuggingFaceTokenizer(json.file);
  return json.kind === "char" ? createCharTokenizer(json.characters) : createBpeTokenizer(json.merges);
}
