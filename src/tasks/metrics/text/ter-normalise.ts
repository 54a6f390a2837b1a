import { separateSigns, separateStops, unescapeXml } from "./western-punctuation.ts";
import { splitWords, trimEnd } from "./words.ts";

/** Choices of tercom's Normalizer, all off by default except that case is ignored. */
export interface TerNormalisation {
  /** Resolves XML escapes and sets punctuation apart. */
  readonly normalised?: boolean;
  /** Removes . , ? : ; ! " ( ) */
  readonly withoutPunctuation?: boolean;
  /** With the above: also splits ideographs, and sets apart or removes East Asian punctuation. */
  readonly asianSupport?: boolean;
  readonly caseSensitive?: boolean;
}

const asianPunctuation =
  /([\u3001\u3002\u3008-\u3011\u3014-\u301f\uff61-\uff65\u30fb\uff0e\uff0c\uff1f\uff1a\uff1b\uff01\uff02\uff08\uff09])/g;

// Ideographs, strokes, radicals, compatibility forms, enclosed letters. Tercom's rules for kana never apply: they ask
// for kana at the very beginning, where normalisation has put a space.
const ideographs = /([\u2e80-\u2eff\u31c0-\u31ef\u3200-\u4dbf\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe4f])/g;

/** The words that TER compares. */
export function terWords(text: string, options: TerNormalisation = {}): string[] {
  const { normalised = false, withoutPunctuation = false, asianSupport = false, caseSensitive = false } = options;
  let line = trimEnd(text);
  if (!caseSensitive) line = line.toLowerCase();
  if (normalised) line = normaliseWestern(line);
  if (normalised && asianSupport) line = line.replace(ideographs, " $1 ").replace(asianPunctuation, " $1 ");
  if (withoutPunctuation) line = line.replace(/[.,?:;!"()]/g, "");
  if (withoutPunctuation && asianSupport) line = line.replace(asianPunctuation, "");
  return splitWords(line);
}

function normaliseWestern(text: string): string {
  const line = unescapeXml(text.replaceAll("\n-", "").replaceAll("\n", " "));
  return separateStops(separateSigns(` ${line} `).replaceAll("'s ", " 's "));
}
