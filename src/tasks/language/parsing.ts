/** Constituency parsing as a task on sequences: a sentence, and its tree written as brackets. */
import { z } from "zod";
import type { Score } from "../dataset.ts";
import { type BracketedAnswer, bracketScore } from "../metrics/index.ts";
import { defineTask, predicted } from "../task.ts";
import { labelOf, type Tree, treeSampler } from "./grammar.ts";
import { smallEnglish } from "./small-english.ts";

const words = [...new Set(Object.values(smallEnglish.classes).flat())];
const labels = [...new Set(Object.keys(smallEnglish.rules).map((symbol) => labelOf(smallEnglish, symbol)))];
/** Stands for a word: which it is, the sentence says. */
const leaf = "XX";
const brackets = [leaf, ...labels.flatMap((label) => [`(${label}`, `)${label}`])];
const symbols = [...words, ...brackets];
const ids = new Map(symbols.map((symbol, id) => [symbol, id]));
const idsOf = (some: readonly string[]): number[] => some.map((symbol) => ids.get(symbol)!);
const textOf = (some: readonly number[]): string[] => some.map((id) => symbols[id] ?? "");

const draw = treeSampler(smallEnglish);

export const wordsOf = ({ children }: Tree): string[] =>
  children.flatMap((child) => (typeof child === "string" ? child : wordsOf(child)));

/** Labels on both brackets, words as XX (Vinyals et al. 2015, section 2.2 and figure 2). */
export const bracketsOf = ({ label, children }: Tree): string[] => [
  `(${label}`,
  ...children.flatMap((child) => (typeof child === "string" ? leaf : bracketsOf(child))),
  `)${label}`,
];

const separator = symbols.length;

/** Words a sentence has at least: a name, a verb, the full stop. */
const least = 3;

export const parsing = defineTask({
  kind: "parsing",
  title: "Constituency parsing",
  cite: { arxiv: "1412.7449", by: "Vinyals et al. 2015", title: "Grammar as a foreign language" },
  layout: "Ann saw a dog . | → (S (NP XX )NP (VP XX (NP XX XX )NP )VP XX )S",
  config: z.strictObject({}),
  lengthIs: "words of the sentence",
  least: () => least,
  // Four symbols a word at most: "of Ann" is (PP XX (NP XX )NP )PP within an NP of its own.
  window: (length) => 5 * length,
  vocabulary: () => separator + 1,
  answers: () => idsOf(brackets),
  separator: () => separator,
  names: () => [...symbols, "|"],
  sample(rng, { length }) {
    const tree = draw(rng, length)!;
    const [asked, answered] = [idsOf(wordsOf(tree)), idsOf(bracketsOf(tree))];
    return predicted([...asked, separator, ...answered], (place) => place > length);
  },
  judge: (answers) =>
    bracketScores(answers.map(({ answer, right }) => ({ answer: textOf(answer), right: textOf(right) }))),
});

function bracketScores(answers: readonly BracketedAnswer[]): Score[] {
  const { f1, precision, recall, malformed } = bracketScore(answers);
  const signature = `${answers.length} sentences, ${malformed} answers that are no tree of the sentence`;
  const share = { unit: "share", better: "higher", signature } as const;
  return [
    { name: "labelled F1", value: f1, ...share },
    { name: "labelled precision", value: precision, ...share },
    { name: "labelled recall", value: recall, ...share },
  ];
}
