/** Suffix rules of Porter's stemmer (Program 14(3), 1980, 130–137), with the departures that NLTK made. */

/** The first rule whose suffix ends a word decides; it applies where the stem's measure is large enough. */
export interface SuffixRule {
  readonly suffix: string;
  readonly to: string;
}

/** Step 2, stem measure > 0: double suffixes to single ones. `alli`, `fulli`, `bli`, `logi` are later additions. */
export const doubleSuffixes = rules(
  "ational ate, tional tion, enci ence, anci ance, izer ize, bli ble, alli al, fulli ful, entli ent, eli e, ousli ous, " +
    "ization ize, ation ate, ator ate, alism al, iveness ive, fulness ful, ousness ous, aliti al, iviti ive, biliti ble, " +
    "logi log",
);

/** Step 3, stem measure > 0. */
export const derivedSuffixes = rules("icate ic, ative, alize al, iciti ic, ical ic, ful, ness");

/** Step 4, stem measure > 1; `ion` only behind s or t. */
export const lastSuffixes = rules(
  "al, ance, ence, er, ic, able, ible, ant, ement, ment, ent, ion, ou, ism, ate, iti, ous, ive, ize",
);

/** Words that the steps would spoil, and their stems. */
export const irregularStems: ReadonlyMap<string, string> = new Map(
  Object.entries({
    skies: "sky",
    dying: "die",
    lying: "lie",
    tying: "tie",
    innings: "inning",
    outings: "outing",
    cannings: "canning",
    ...Object.fromEntries(
      ["sky", "news", "inning", "outing", "canning", "howe", "proceed", "exceed", "succeed"].map((word) => [
        word,
        word,
      ]),
    ),
  }),
);

/** Longer suffixes come before those that end them. */
function rules(listed: string): SuffixRule[] {
  const parsed = listed.split(", ").map((rule) => rule.split(" "));
  return parsed.map(([suffix, to = ""]) => ({ suffix: suffix!, to }));
}
