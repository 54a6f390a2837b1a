import type { Json } from "../../checkpoints/index.ts";

/**
 * Tokenizers: text ↔ ids. The kinds byte, char and bpe keep the 256 bytes as ids 0 … 255, so that every text has an encoding,
 * whatever the vocabulary was fitted on, and decode(encode(text)) = text for any Unicode text (a lone half of a surrogate pair,
 * which UTF-8 cannot hold, becomes U+FFFD). The kind huggingface does what its file says; some files lose text.
 */
export interface Tokenizer {
  readonly kind: TokenizerJSON["kind"];
  /** Vocabulary: ids are 0 … size - 1. */
  readonly size: number;
  /** Ids that stand for no text, where the vocabulary has such. */
  readonly special?: SpecialIds;
  encode(text: string): Int32Array;
  /** The text of ids; bytes that are no UTF-8 become U+FFFD. Throws `E_TOKEN_ID` for a number that is no id. */
  decode(ids: ArrayLike<number>): string;
  /** Decodes ids as they come. */
  streamDecoder(): StreamDecoder;
  /** Everything that {@link tokenizerFromJSON} needs; equal tokenizers give equal JSON. */
  toJSON(): TokenizerJSON;
}

export interface SpecialIds {
  pad?: number;
  bos?: number;
  eos?: number;
  /** What the vocabulary has no token for. */
  unk?: number;
}

export interface StreamDecoder {
  /** The characters that the id completes; bytes of an unfinished one wait for the next id. Throws `E_TOKEN_ID`. */
  push(id: number): string;
  /** U+FFFD if a character is left unfinished, else nothing; the decoder then starts afresh. */
  end(): string;
}

export type TokenizerJSON =
  | { kind: "byte" }
  | {
      kind: "char";
      /** The characters beyond ASCII, by code point; the first has id 256. */
      characters: string;
    }
  | {
      kind: "bpe";
      /** Pairs of ids in the order in which they were merged. */
      merges: readonly Merge[];
    }
  | {
      kind: "huggingface";
      /** The content of the `tokenizer.json`, all of it. */
      file: Json;
    };

export type Merge = readonly [left: number, right: number];
