import { resolve } from "node:path";
import type { ArgsDef } from "citty";
import { type Corpus, loadCorpus, type TokenizerChoice } from "../data/index.ts";
import { wholeNumber } from "./frame/values.ts";
import { choiceOf } from "./training-fields.ts";

/** Which text, and how it becomes ids: options of every command that reads data. */
export const dataOptions = {
  data: {
    type: "string",
    valueHint: "FILE|builtin",
    description: "text (UTF-8) or JSONL file; builtin is Moby-Dick. The last tenth is for validation",
    default: "builtin",
  },
  field: { type: "string", valueHint: "KEY", description: "key of the text in a JSONL file (default: text)" },
  tokenizer: {
    type: "string",
    valueHint: "bpe|char|byte|FILE",
    description:
      "how text becomes ids; bpe and char are fitted to the training text; FILE.json is a tokenizer.json of Hugging Face",
    default: "bpe",
  },
  entries: {
    type: "string",
    valueHint: "N",
    description: "vocabulary of bpe, 257 to 65536 entries (default: 1024; --task translate: 8000)",
  },
} as const satisfies ArgsDef;

export interface DataArguments {
  data: string;
  field?: string | undefined;
  tokenizer: string;
  entries?: string | undefined;
}

export function readCorpus({ data, field }: Pick<DataArguments, "data" | "field">): Promise<Corpus> {
  return loadCorpus(data, { ...(field !== undefined && { field }) });
}

/** Throws E_OPTION. */
export function tokenizerChoice({ tokenizer, entries = "1024" }: DataArguments): TokenizerChoice {
  if (tokenizer.endsWith(".json")) return { kind: "file", path: resolve(tokenizer) };
  const kind = choiceOf("tokenizer", tokenizer, ["bpe", "char", "byte"], "a file FILE.json");
  if (kind !== "bpe") return { kind };
  return { kind: "bpe", entries: wholeNumber("entries", entries, { least: 257, most: 65_536 }) };
}
