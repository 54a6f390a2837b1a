/**
 * Tokenizers: text ↔ ids. All three kinds keep the 256 bytes as ids 0 … 255, so that every text has an encoding, whatever
 * the vocabulary was fitted on, and decode(encode(text)) = text for any Unicode text (a lone half of a surrogate pair,
 * which UTF-8 cannot hold, becomes U+FFFD).
 */
export interface Tokenizer {
  readonly kind: TokenizerJSON["kind"];
  /** Vocabulary: ids are 0 … size - 1. */
  readonly size: number;
  encode(text: string): Int32Array;
  /** The text of ids; bytes that are no UTF-8 become U+FFFD. Throws `E_TOKEN_ID` for a number that is no id. */
  decode(ids: ArrayLike<number>): string;
  /** Decodes ids as they come. */
  streamDecoder(): StreamDecoder;
  /** Everything that {@link tokenizerFromJSON} needs; equal tokenizers give equal JSON. */
  toJSON(): TokenizerJSON;
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
    };

export type Merge = readonly [left: number, right: number];
