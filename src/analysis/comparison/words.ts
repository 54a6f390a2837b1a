/** Words of three letters or more, lower case. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/\p{L}{3,}/gu) ?? [];
}

/** Share (0 … 1) of a text's words of three letters or more that occur in the vocabulary, and how many words there are. */
export function knownWordShare(text: string, vocabulary: ReadonlySet<string>): { share: number; words: number } {
  const words = wordsOf(text);
  const known = words.filter((word) => vocabulary.has(word)).length;
  return { share: words.length === 0 ? 0 : known / words.length, words: words.length };
}
