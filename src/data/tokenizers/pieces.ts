/** What all tokenizers share: an id stands for a piece, a few bytes of UTF-8, and a text is the pieces in a row. */
import { fail } from "../../tensor/error.ts";
import type { StreamDecoder, Tokenizer } from "./tokenizer.ts";

export const bytePieces: readonly Uint8Array[] = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));

const encoder = new TextEncoder();
export const utf8 = (text: string): Uint8Array => encoder.encode(text);

/** The decoding half of a tokenizer whose id i stands for `pieces[i]`. */
export function decoding(pieces: readonly Uint8Array[]): Pick<Tokenizer, "size" | "decode" | "streamDecoder"> {
  return {
    size: pieces.length,
    decode: (ids) => newDecoder().decode(joined(ids, pieces)),
    streamDecoder: () => streamOver(pieces),
  };
}

/** A leading byte order mark is a character like any other. */
const newDecoder = () => new TextDecoder("utf-8", { ignoreBOM: true });

function joined(ids: ArrayLike<number>, pieces: readonly Uint8Array[]): Uint8Array {
  let total = 0;
  for (let i = 0; i < ids.length; i++) total += pieceOf(ids[i]!, pieces).length;
  const bytes = new Uint8Array(total);
  let offset = 0;
  for (let i = 0; i < ids.length; i++) {
    const piece = pieces[ids[i]!]!;
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return bytes;
}

function streamOver(pieces: readonly Uint8Array[]): StreamDecoder {
  const decoder = newDecoder();
  return {
    push: (id) => decoder.decode(pieceOf(id, pieces), { stream: true }),
    end: () => decoder.decode(),
  };
}

function pieceOf(id: number, pieces: readonly Uint8Array[]): Uint8Array {
  const piece = pieces[id];
  if (piece) return piece;
  return fail({ code: "E_TOKEN_ID", where: "token id", expected: `0 … ${pieces.length - 1}`, got: String(id) });
}
