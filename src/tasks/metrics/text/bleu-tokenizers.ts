import { separateSigns, separateStops, unescapeXml } from "./western-punctuation.ts";
import { characters, splitWords, trim } from "./words.ts";

/** How a text becomes the words whose n-grams BLEU counts; the names are sacreBLEU's. */
export const bleuTokenizers = {
  none: splitWords,
  "13a": tokenize13a,
  intl: tokenizeIntl,
  char: tokenizeChar,
  zh: tokenizeZh,
};

export type BleuTokenizer = keyof typeof bleuTokenizers;

/** mteval-v13a.pl, the tokenizer of the WMT evaluations. */
function tokenize13a(text: string): string[] {
  const line = text.replaceAll("<skipped>", "").replaceAll("-\n", "").replaceAll("\n", " ");
  return western(` ${unescapeXml(line)} `);
}

const western = (line: string): string[] => splitWords(separateStops(separateSigns(line)));

/** mteval-v14.pl `--international-tokenization`: every Unicode sign is set apart, except punctuation between digits. */
function tokenizeIntl(text: string): string[] {
  const line = text
    .replace(/(\P{N})(\p{P})/gu, "$1 $2 ")
    .replace(/(\p{P})(\P{N})/gu, " $1 $2")
    .replace(/(\p{S})/gu, " $1 ");
  return splitWords(line);
}

/** Every character except white space is a word. */
function tokenizeChar(text: string): string[] {
  return splitWords(characters(text).join(" "));
}

/**
 * What sacreBLEU's `zh` takes for Chinese. One of its ranges was meant for the supplementary planes but is spelt with
 * four digits, and so means U+2001–2A6D (dashes, arrows, mathematical signs); ideographs of those planes are not split.
 * Both are kept: a signature that says `tok:zh` names this set.
 */
const chinese =
  /([\u2001-\u2a6d\u2e80-\u2fdf\u2ff0-\u303f\u3100-\u312f\u31a0-\u31ef\u3200-\u4db5\u4e00-\u9fbb\uf900-\ufa2d\ufa30-\ufa6a\ufa70-\ufad9\ufe10-\ufe1f\ufe30-\ufe4f\uff00-\uffef])/g;

/** Chinese characters stand alone; what is between them is treated as by 13a, without its escapes. */
function tokenizeZh(text: string): string[] {
  return western(trim(text).replace(chinese, " $1 "));
}
