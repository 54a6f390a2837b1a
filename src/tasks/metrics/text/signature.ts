/** Implementations whose values these metrics reproduce, and the versions they were compared with. */
const reproduced = { sacrebleu: "2.6.0", jiwer: "jiwer-4.0.0", "rouge-score": "rouge-score-0.1.2" } as const;

/**
 * A signature in sacreBLEU's form, `nrefs:1|case:mixed|…|version:2.6.0`: it names every choice that decides a score.
 * Its version is the one of the implementation that gives the same number, sacreBLEU's where no name is given.
 */
export function signatureOf(
  references: readonly (readonly string[])[],
  choices: Readonly<Record<string, string | number | boolean>>,
  like: keyof typeof reproduced = "sacrebleu",
): string {
  const counts = new Set(references.map((list) => list.length));
  const shown = { nrefs: counts.size === 1 ? [...counts][0]! : "var", ...choices, version: reproduced[like] };
  return Object.entries(shown)
    .map(([name, choice]) => `${name}:${typeof choice === "boolean" ? (choice ? "yes" : "no") : choice}`)
    .join("|");
}
