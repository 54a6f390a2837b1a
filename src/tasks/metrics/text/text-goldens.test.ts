/** All of `bleu/`: sacreBLEU's scores, counts, words, and signatures. */
import { describe, expect, it } from "vitest";
import { goldensMissing } from "../../../testing/goldens/index.ts";
import { jsonCases } from "../json-cases.fixture.ts";
import { type BleuOptions, bleu, bleuWords } from "./bleu.ts";
import type { BleuTokenizer } from "./bleu-tokenizers.ts";
import { type ChrfOptions, chrf } from "./chrf.ts";
import { ter } from "./ter.ts";
import { type TerNormalisation, terWords } from "./ter-normalise.ts";
import { splitWords } from "./words.ts";

type Stored = Record<string, unknown>;
interface TextCase {
  options: Stored;
  signature: string;
  preprocessed?: string[];
  hypotheses: string[];
  references: string[][];
  sentences: (Stored | number)[];
}

/** sacreBLEU's names of what is compared, and ours. */
const fields: Readonly<Record<string, string>> = {
  score: "score",
  counts: "matches",
  totals: "totals",
  precisions: "precisions",
  bp: "brevityPenalty",
  sys_len: "hypothesisWords",
  ref_len: "referenceWords",
  num_edits: "edits",
  ref_length: "referenceWords",
};

function expectFields(actual: object, stored: Stored): void {
  for (const [theirs, ours] of Object.entries(fields))
    if (theirs in stored) expectNumbers((actual as Stored)[ours], stored[theirs], theirs);
}

function expectNumbers(actual: unknown, expected: unknown, name: string): void {
  const [a, b] = [actual, expected].map((one) => (Array.isArray(one) ? one : [one]) as number[]);
  expect(a, name).toHaveLength(b!.length);
  for (const [i, value] of b!.entries()) expect(Math.abs(a![i]! - value), `${name}[${i}]`).toBeLessThan(1e-6);
}

function check(
  stored: TextCase & Stored,
  score: (text: { hypotheses: string[]; references: string[][] }) => object,
): void {
  const total = score(stored);
  expectFields(total, stored);
  expect((total as Stored).signature).toBe(stored.signature);
  expect(stored.sentences).toHaveLength(stored.hypotheses.length);
  for (const [i, sentence] of stored.sentences.entries()) {
    const one = score({ hypotheses: [stored.hypotheses[i]!], references: [stored.references[i]!] });
    expectFields(one, typeof sentence === "number" ? { score: sentence } : sentence);
  }
}

const flag = (value: unknown): boolean => value === true;

function bleuOptions(o: Stored): BleuOptions {
  const value = o.smooth_value === undefined ? {} : { value: o.smooth_value as number };
  const kind = (o.smooth_method ?? "exp") as "none" | "exp" | "floor" | "add-k";
  return {
    tokenizer: (o.tokenize ?? "13a") as BleuTokenizer,
    smoothing: kind === "none" || kind === "exp" ? { kind } : { kind, ...value },
    lowercase: flag(o.lowercase),
    effectiveOrder: flag(o.effective_order),
    maxOrder: (o.max_ngram_order ?? 4) as number,
  };
}

const chrfOptions = (o: Stored): ChrfOptions => ({
  charOrder: (o.char_order ?? 6) as number,
  wordOrder: (o.word_order ?? 0) as number,
  beta: (o.beta ?? 2) as number,
  lowercase: flag(o.lowercase),
  whitespace: flag(o.whitespace),
  epsSmoothing: flag(o.eps_smoothing),
});

const terOptions = (o: Stored): TerNormalisation => ({
  normalised: flag(o.normalized),
  withoutPunctuation: flag(o.no_punct),
  asianSupport: flag(o.asian_support),
  caseSensitive: flag(o.case_sensitive),
});

const known = {
  bleu: ["tokenize", "lowercase", "smooth_method", "smooth_value", "effective_order", "max_ngram_order"],
  chrf: ["char_order", "word_order", "beta", "lowercase", "whitespace", "eps_smoothing"],
  ter: ["normalized", "no_punct", "asian_support", "case_sensitive"],
};

const missing = goldensMissing();

describe.skipIf(missing)(`sacreBLEU's values${missing ? `: ${missing}` : ""}`, () => {
  for (const metric of ["bleu", "chrf", "ter"] as const) {
    const cases = jsonCases<TextCase & Stored>(`bleu/${metric}`);

    it(`${metric} has cases, and all their options exist here`, () => {
      expect(cases.length).toBeGreaterThan(20);
      for (const { value } of cases) expect(known[metric]).toEqual(expect.arrayContaining(Object.keys(value.options)));
    });

    it.each(cases)("$name agrees", ({ value }) => {
      if (metric === "bleu") check(value, (text) => bleu(text, bleuOptions(value.options)));
      if (metric === "chrf") check(value, (text) => chrf(text, chrfOptions(value.options)));
      if (metric === "ter") check(value, (text) => ter(text, terOptions(value.options)));
    });

    it.each(cases.filter(({ value }) => value.preprocessed))("$name is split into the same words", ({ value }) => {
      const words = (line: string): string[] =>
        metric === "bleu" ? bleuWords(line, bleuOptions(value.options)) : terWords(line, terOptions(value.options));
      expect(value.hypotheses.map(words)).toEqual(value.preprocessed!.map(splitWords));
    });
  }
});
