/**
 * Cutting a text into the words within which byte pairs are merged: GPT-2's rule (Radford et al. 2019, `encoder.py`).
 * A word is an English contraction's ending, or letters, digits or other signs with at most one leading space, or white space;
 * of white space before a word, the last space belongs to the word.
 * One change: a run longer than 256 characters is cut after 256, which bounds the work for texts without spaces.
 */
const word =
  /'(?:[sdmt]|ll|ve|re)| ?\p{L}{1,256}| ?\p{N}{1,256}| ?[^\p{White_Space}\p{L}\p{N}]{1,256}|\p{White_Space}{1,256}(?!\P{White_Space})|\p{White_Space}{1,256}/gu;

/** No word has more UTF-8 bytes than this: a space and 256 characters of four bytes. */
export const maxWordBytes = 1 + 256 * 4;

/** The words of a text, in order; together they are the text. */
export function* splitWords(text: string): Generator<string, void> {
  for (const [match] of text.toWellFormed().matchAll(word)) yield match;
}
