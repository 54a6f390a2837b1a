/**
 * Characters (code points). ASCII characters are their own bytes, ids 0 … 127; every other character that the training text
 * has gets an id from 256 on; any other one falls back to its UTF-8 bytes.
 */
import { fail } from "../../tensor/error.ts";
import { bytePieces, decoding, utf8 } from "./pieces.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Fits the vocabulary: 256 bytes and the characters beyond ASCII that occur in `text`. */
export function fitCharTokenizer(text: string): Tokenizer {
  const beyondAscii = new Set(text.toWellFormed().match(/[^\0-\x7f]/gu));
  const points = [...beyondAscii].map((character) => character.codePointAt(0)!);
  return createCharTokenizer(
    Array.from(Uint32Array.from(points).sort(), (point) => String.fromCodePoint(point)).join(""),
  );
}

/** The tokenizer of a stored vocabulary. Throws `E_TOKENIZER` unless the characters are beyond ASCII and ascend. */
export function createCharTokenizer(characters: string): Tokenizer {
  const list = Array.from(characters);
  assertAscending(list);
  const ids = new Map(list.map((character, i) => [character, 256 + i]));
  return {
    kind: "char",
    ...decoding([...bytePieces, ...list.map(utf8)]),
    encode: (text) => encode(text.toWellFormed(), ids),
    toJSON: () => ({ kind: "char", characters }),
  };
}

function encode(text: string, ids: ReadonlyMap<string, number>): Int32Array {
  const encoded: number[] = [];
  for (const character of text) {
    const id = ids.get(character);
    if (id !== undefined) encoded.push(id);
    else encoded.push(...utf8(character));
  }
  return Int32Array.from(encoded);
}

function assertAscending(characters: readonly string[]): void {
  let last = 0x7f;
  for (const [i, character] of characters.entries()) {
    const point = character.codePointAt(0)!;
    if (point <= last || !character.isWellFormed()) {
      const expected = "characters beyond ASCII, ascending and each once";
      fail({ code: "E_TOKENIZER", where: `tokenizer.characters[${i}]`, expected, got: JSON.stringify(character) });
    }
    last = point;
  }
}
