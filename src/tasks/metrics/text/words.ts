/** Words and characters as the reference implementations, which are written in Python, see them. */

// What Python's str.split takes for white space: Unicode's White_Space and the four separators U+001C to U+001F.
// biome-ignore lint/suspicious/noControlCharactersInRegex: the separators are control characters.
const spaces = /[\p{White_Space}\u001c-\u001f]+/u;

// As above, for one UTF-16 unit: no white space lies beyond the basic plane.
const isSpace = (unit: string): boolean => spaces.test(unit);

/** The words between runs of white space. */
export const splitWords = (text: string): string[] => text.split(spaces).filter((word) => word !== "");

/** Unicode characters (code points), not UTF-16 units. */
export const characters = (text: string): string[] => Array.from(text);

/** Without white space at the end. A loop: an anchored pattern is quadratic in runs of spaces. */
export function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text[end - 1]!)) end--;
  return text.slice(0, end);
}

/** Without white space at both ends. */
export function trim(text: string): string {
  const tail = trimEnd(text);
  let start = 0;
  while (start < tail.length && isSpace(tail[start]!)) start++;
  return tail.slice(start);
}

/** Equal words get equal numbers: sequences are then compared as integers. */
export function numberWords(sequences: readonly (readonly string[])[]): Int32Array[] {
  const numbers = new Map<string, number>();
  const numberOf = (word: string): number => {
    const known = numbers.get(word);
    if (known !== undefined) return known;
    numbers.set(word, numbers.size);
    return numbers.size - 1;
  };
  return sequences.map((words) => Int32Array.from(words, numberOf));
}
