/** Bytes of UTF-8 as ids 0 … 255: no vocabulary to fit, nothing unknown. */
import { bytePieces, decoding, utf8 } from "./pieces.ts";
import type { Tokenizer } from "./tokenizer.ts";

export const byteTokenizer: Tokenizer = {
  kind: "byte",
  ...decoding(bytePieces),
  encode: (text) => Int32Array.from(utf8(text)),
  toJSON: () => ({ kind: "byte" }),
};
