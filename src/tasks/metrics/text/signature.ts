/** sacreBLEU's version whose values and signatures these metrics reproduce. */
const reproducedVersion = "2.6.0";

/**
 * A signature in sacreBLEU's form, `nrefs:1|case:mixed|…|version:2.6.0`: it names every choice that decides a score.
 * Its version is the one of sacreBLEU that gives the same number.
 */
export function signatureOf(
  references: readonly (readonly string[])[],
  choices: Readonly<Record<string, string | number | boolean>>,
): string {
  const counts = new Set(references.map((list) => list.length));
  const shown = { nrefs: counts.size === 1 ? [...counts][0]! : "var", ...choices, version: reproducedVersion };
  return Object.entries(shown)
    .map(([name, choice]) => `${name}:${typeof choice === "boolean" ? (choice ? "yes" : "no") : choice}`)
    .join("|");
}
