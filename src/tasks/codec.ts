/** How a person's text becomes a source, and an answer becomes text, for models that read one sequence and write another. */
import { z } from "zod";
import { parseStored } from "../checkpoints/index.ts";
import { type Tokenizer, type TokenizerJSON, tokenizerFromJSON } from "../data/index.ts";
import { phonemeCodec } from "./g2p/codec.ts";
import { symbolCodec } from "./symbol-codec.ts";

export interface Codec {
  /** Ids of both sides: 0 … size − 1. */
  readonly size: number;
  /** Throws where the text holds what has no id. */
  encodeSource(text: string): Int32Array;
  /** Ids from `size` on are the objective's own, such as a start, which a model may write too: they stand for no text. */
  decodeTarget(ids: ArrayLike<number>): string;
  /** Each id by itself, as alignments name it; nothing for the objective's own. */
  pieces(ids: ArrayLike<number>): string[];
  /** Everything that {@link codecFromJSON} needs. */
  toJSON(): CodecJSON;
}

export type CodecJSON =
  | { kind: "tokenizer"; tokenizer: TokenizerJSON }
  /** Letters to phonemes; phonemes in the order of their ids. */
  | { kind: "phonemes"; phonemes: readonly string[] }
  /** Symbols of a synthetic task, in the order of their ids. */
  | { kind: "symbols"; names: readonly string[] };

/** One tokenizer for both sides. */
export const tokenizerCodec = (tokenizer: Tokenizer): Codec => ({
  size: tokenizer.size,
  encodeSource: (text) => tokenizer.encode(text),
  decodeTarget: (ids) => tokenizer.decode(Array.from(ids).filter((id) => !(id >= tokenizer.size))).trim(),
  pieces: (ids) => Array.from(ids, (id) => (id >= tokenizer.size ? "" : tokenizer.decode([id]))),
  toJSON: () => ({ kind: "tokenizer", tokenizer: tokenizer.toJSON() }),
});

const stored = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("tokenizer"), tokenizer: z.json() }),
  z.strictObject({ kind: z.literal("phonemes"), phonemes: z.array(z.string().min(1)).min(1) }),
  z.strictObject({ kind: z.literal("symbols"), names: z.array(z.string().min(1)).min(1) }),
]);

/** The codec of what `toJSON` gave. Throws `E_CODEC`, naming the path, for any other value. */
export function codecFromJSON(value: unknown): Codec {
  const json = parseStored(stored, value, { where: "codec", code: "E_CODEC" });
  if (json.kind === "phonemes") return phonemeCodec(json.phonemes);
  if (json.kind === "symbols") return symbolCodec(json.names);
  return tokenizerCodec(tokenizerFromJSON(json.tokenizer));
}
