/** Translation edit rate, Snover et al. 2006, as sacreBLEU's port of tercom computes it. */
import { type ScoredText, segmentsOf } from "./scored-text.ts";
import { signatureOf } from "./signature.ts";
import { type TerNormalisation, terWords } from "./ter-normalise.ts";
import { terEdits } from "./ter-shifts.ts";

export interface TerScore {
  /** Edits per 100 reference words: 0 is perfect, above 100 possible. */
  readonly score: number;
  readonly edits: number;
  /** Words of the references, averaged over the references of each segment. */
  readonly referenceWords: number;
  readonly signature: string;
}

/** Edits against the nearest reference, over the mean reference length, pooled. Throws E_SCORE_TEXT. */
export function ter(text: ScoredText, options: TerNormalisation = {}): TerScore {
  let edits = 0;
  let referenceWords = 0;
  for (const { hypothesis, references } of segmentsOf(text)) {
    const words = terWords(hypothesis, options);
    const refs = references.map((reference) => terWords(reference, options));
    edits += Math.min(...refs.map((ref) => terEdits(words, ref)));
    referenceWords += refs.reduce((sum, ref) => sum + ref.length, 0) / refs.length;
  }
  const score = 100 * rate(edits, referenceWords);
  return { score, edits, referenceWords, signature: signature(text, options) };
}

/** Without reference words, anything said is wrong. */
function rate(edits: number, words: number): number {
  if (words > 0) return edits / words;
  return edits > 0 ? 1 : 0;
}

const signature = ({ references }: ScoredText, options: TerNormalisation) =>
  signatureOf(references, {
    case: options.caseSensitive ? "mixed" : "lc",
    tok: "tercom",
    norm: options.normalised ?? false,
    punct: !options.withoutPunctuation,
    asian: options.asianSupport ?? false,
  });
