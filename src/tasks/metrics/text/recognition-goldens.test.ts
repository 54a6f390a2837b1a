/** `metrics/error_rate` and `metrics/rouge`: the values of jiwer and rouge-score. */
import { describe, expect, it } from "vitest";
import { goldensMissing } from "../../../testing/goldens/index.ts";
import { jsonCases } from "../json-cases.fixture.ts";
import { errorRates } from "./error-rates.ts";
import { type RougeKind, rouge } from "./rouge.ts";

interface Rates {
  wer: number;
  cer: number;
  mer: number;
  wil: number;
  wip: number;
  hits: number;
  substitutions: number;
  deletions: number;
  insertions: number;
}

interface ErrorRateCase {
  references: string[];
  hypotheses: string[];
  word: Rates;
  char: Rates;
  sentences: { word: Rates; char: Rates }[];
}

interface RougeScores {
  [kind: string]: { precision: number; recall: number; fmeasure: number };
}

interface RougeCase {
  kinds: RougeKind[];
  options: { use_stemmer?: boolean };
  rows: { target: string; prediction: string; scores: RougeScores }[];
  multi: { targets: string[]; prediction: string; scores: RougeScores }[];
}

const missing = goldensMissing();

function expectRates(hypotheses: string[], references: string[], { word, char }: { word: Rates; char: Rates }): void {
  const text = { hypotheses, references: references.map((reference) => [reference]) };
  const { rate, matchErrorRate, informationLost, informationPreserved, ...counts } = errorRates(text);
  const { wer, mer, wil, wip, ...storedCounts } = word;
  expect(counts).toEqual(storedCounts);
  expect([rate, matchErrorRate, informationLost, informationPreserved]).toEqual(
    [wer, mer, wil, wip].map((value) => expect.closeTo(value, 12)),
  );
  const { cer, ...storedCharacters } = char;
  const characters = errorRates(text, { unit: "character" });
  expect(characters.rate).toBeCloseTo(cer, 12);
  expect(characters).toMatchObject(storedCharacters);
}

describe.skipIf(missing)(`jiwer's and rouge-score's values${missing ? `: ${missing}` : ""}`, () => {
  it.each(jsonCases<ErrorRateCase>("metrics/error_rate"))("$name agrees", ({ value }) => {
    expectRates(value.hypotheses, value.references, value);
    for (const [i, sentence] of value.sentences.entries())
      expectRates([value.hypotheses[i]!], [value.references[i]!], sentence);
  });

  it.each(jsonCases<RougeCase>("metrics/rouge"))("$name agrees", ({ value }) => {
    const rows = value.rows.map(({ target, ...row }) => ({ ...row, targets: [target] }));
    for (const { targets, prediction, scores } of [...rows, ...value.multi]) {
      const text = { hypotheses: [prediction], references: [targets] };
      const ours = rouge(text, { kinds: value.kinds, stem: value.options.use_stemmer ?? false });
      for (const kind of value.kinds) {
        const { precision, recall, fmeasure } = scores[kind]!;
        expect(ours[kind]).toEqual({
          precision: expect.closeTo(precision, 12),
          recall: expect.closeTo(recall, 12),
          f: expect.closeTo(fmeasure, 12),
        });
      }
    }
  });
});
