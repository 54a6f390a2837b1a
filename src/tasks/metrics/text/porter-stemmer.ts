/** Porter's stemmer as NLTK has it, which rouge-score uses: ROUGE's `-m` option. Lower-case English words. */
import { derivedSuffixes, doubleSuffixes, irregularStems, lastSuffixes, type SuffixRule } from "./porter-rules.ts";

/** The stem: `relational` → `relat`. Words of one or two letters are left alone. */
export function porterStem(word: string): string {
  const irregular = irregularStems.get(word);
  if (irregular !== undefined) return irregular;
  if (word.length <= 2) return word;
  const singular = withoutParticiple(withoutPlural(word));
  const suffixed = applyRules(reduceDouble(terminalY(singular)), derivedSuffixes, 0);
  return withoutDoubleL(withoutE(applyRules(suffixed, lastSuffixes, 1)));
}

/** Step 1a. */
function withoutPlural(word: string): string {
  if (word.endsWith("ies")) return word.slice(0, word.length === 4 ? -1 : -2);
  if (word.endsWith("sses")) return word.slice(0, -2);
  return word.endsWith("s") && !word.endsWith("ss") ? word.slice(0, -1) : word;
}

/** Step 1b. */
function withoutParticiple(word: string): string {
  if (word.endsWith("ied")) return word.slice(0, word.length === 4 ? -1 : -2);
  if (word.endsWith("eed")) return measure(word.slice(0, -3)) > 0 ? word.slice(0, -1) : word;
  for (const suffix of ["ed", "ing"]) {
    const stem = word.slice(0, -suffix.length);
    if (word.endsWith(suffix) && /v/.test(sounds(stem))) return repairParticiple(stem);
  }
  return word;
}

/** hop(ping) → hop, fil(ing) → file, conflat(ed) → conflate. */
function repairParticiple(stem: string): string {
  if (/(at|bl|iz)$/.test(stem)) return `${stem}e`;
  const last = stem.at(-1)!;
  if (stem.length > 1 && last === stem.at(-2) && sounds(stem).endsWith("c"))
    return "lsz".includes(last) ? stem : stem.slice(0, -1);
  return measure(stem) === 1 && endsShort(stem) ? `${stem}e` : stem;
}

/** Step 1c, in NLTK's form: only behind a consonant, and not in words like `by`. */
const terminalY = (word: string): string =>
  word.endsWith("y") && word.length > 2 && sounds(word).at(-2) === "c" ? `${word.slice(0, -1)}i` : word;

/** Step 2. What `alli` leaves is reduced again: `rationalli` → `ration`. */
function reduceDouble(word: string): string {
  const reduced = applyRules(word, doubleSuffixes, 0);
  return word.endsWith("alli") && reduced !== word ? reduceDouble(reduced) : reduced;
}

/** Step 5a. */
function withoutE(word: string): string {
  const stem = word.slice(0, -1);
  if (!word.endsWith("e")) return word;
  return measure(stem) > 1 || (measure(stem) === 1 && !endsShort(stem)) ? stem : word;
}

/** Step 5b. */
const withoutDoubleL = (word: string): string =>
  word.endsWith("ll") && measure(word.slice(0, -1)) > 1 ? word.slice(0, -1) : word;

function applyRules(word: string, rules: readonly SuffixRule[], least: number): string {
  const rule = rules.find(({ suffix }) => word.endsWith(suffix));
  if (rule === undefined) return word;
  const stem = word.slice(0, -rule.suffix.length);
  if (rule.suffix === "ion" && !/[st]$/.test(stem)) return word;
  // `logi` keeps its l with the stem, so that `geologi` is long enough.
  return measure(rule.suffix === "logi" ? `${stem}l` : stem) > least ? stem + rule.to : word;
}

/** Each letter as c (consonant) or v (vowel); y is a vowel behind a consonant. */
function sounds(word: string): string {
  let last = "";
  const sound = Array.from(word, (letter) => {
    last = "aeiou".includes(letter) || (letter === "y" && last === "c") ? "v" : "c";
    return last;
  });
  return sound.join("");
}

/** Porter's m: how often consonants follow vowels. */
const measure = (word: string): number => sounds(word).match(/vc/g)?.length ?? 0;

/** Consonant, vowel, consonant other than w, x, y at the end; or a word of just vowel and consonant. */
const endsShort = (word: string): boolean =>
  (/cvc$/.test(sounds(word)) && !/[wxy]$/.test(word)) || sounds(word) === "vc";
