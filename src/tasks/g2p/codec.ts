import { fail } from "../../tensor/index.ts";
import type { Codec } from "../codec.ts";

/** Ids from 0 on; the phonemes' follow. */
export const letters = "'ABCDEFGHIJKLMNOPQRSTUVWXYZ";

export interface PhonemeCodec extends Codec {
  /** Ids of phonemes. */
  sound(phonemes: readonly string[]): Int32Array;
}

/** Words in letters (of either case) and apostrophes to phonemes separated by spaces. Throws `E_G2P_LETTER` for other characters. */
export function phonemeCodec(phonemes: readonly string[]): PhonemeCodec {
  const ids = new Map(phonemes.map((phoneme, i) => [phoneme, letters.length + i]));
  const piece = (id: number) => letters[id] ?? phonemes[id - letters.length] ?? failId(id);
  const size = letters.length + phonemes.length;
  return {
    size,
    encodeSource: (word) => Int32Array.from(word.trim().toUpperCase(), letterId),
    sound: (sounds) => Int32Array.from(sounds, (phoneme) => ids.get(phoneme)!),
    decodeTarget: (answer) =>
      Array.from(answer)
        .filter((id) => !(id >= size))
        .map(piece)
        .join(" "),
    pieces: (some) => Array.from(some, (id) => (id >= size ? "" : piece(id))),
    toJSON: () => ({ kind: "phonemes", phonemes: [...phonemes] }),
  };
}

function letterId(character: string): number {
  const id = letters.indexOf(character);
  if (id >= 0) return id;
  return fail({
    code: "E_G2P_LETTER",
    where: "word",
    expected: "letters A to Z and apostrophes",
    got: JSON.stringify(character),
    hint: "Write one word a line.",
  });
}

const failId = (id: number): never =>
  fail({ code: "E_TOKEN_ID", where: "id", expected: "that of a letter or phoneme", got: String(id) });
