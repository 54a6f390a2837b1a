/** What the committed evidence of protocols says of the rows, judged again from its figures. Missing evidence fails. */
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type CharacterFigures, characterClaims } from "../../../evidence/protocols/char-lm.ts";
import { type TrajectoryRun, trajectoryClaim } from "../../../evidence/protocols/liquid-trajectories.ts";
import { type ReversalRun, reversalClaims } from "../../../evidence/protocols/reversal-translators.ts";
import { type EnsembleRun, ensembleClaim } from "../../../evidence/protocols/subsampled-ensemble.ts";
import { type RecurrenceRun, recurrenceClaim } from "../../../evidence/protocols/swish-rnn-mlm.ts";
import { drawReadings, positionAt } from "../../../scripts/evidence/oscillators.ts";
import type { Claim } from "../../../scripts/evidence/protocol.ts";
import { antidiagonal, drawReversals } from "../../../scripts/evidence/reversals.ts";

interface Stored<Run> {
  claims: readonly Claim[];
  figures: { runs: readonly Run[] };
}

function stored<Run>(name: string): Stored<Run> {
  const file = new URL(`../../../evidence/${name}.json`, import.meta.url);
  if (!existsSync(file)) throw new Error(`no evidence of ${name}: npm run evidence -- ${name}`);
  return JSON.parse(readFileSync(file, "utf8")) as Stored<Run>;
}

function expectClaims(row: string, name: "reversal-translators"): void {
  const { claims, figures } = stored<ReversalRun>(name);
  expect(reversalClaims(figures.runs)).toEqual(claims);
  const own = claims.filter((claim) => claim.row === row);
  expect(own.length).toBeGreaterThan(0);
  for (const { holds, text } of own) expect(holds, text).toBe(true);
}

test("[seq2seq-2014] reverses up to 10 symbols by its state alone, and at 20 symbols does worse than attention, in every seed", () =>
  expectClaims("seq2seq-2014", "reversal-translators"));

test("[bahdanau-nmt] the alignments of reversals lie on the antidiagonal or beside it", () =>
  expectClaims("bahdanau-nmt", "reversal-translators"));

test("[liquid-parameter-efficiency] liquid and other cells at three equal sizes on trajectories, in three seeds each", () => {
  const { claims, figures } = stored<TrajectoryRun>("liquid-trajectories");
  expect([trajectoryClaim(figures.runs)]).toEqual(claims);
  expect(claims[0]!.holds).toBe(true);
  expect(figures.runs).toHaveLength(5 * 3 * 3);
  // Every one of them reads its input: the best constant has an error of 1.
  for (const { error, ...run } of figures.runs) expect(error, JSON.stringify(run)).toBeLessThan(0.9);
});

test("[ssa] the mean of 16 passes over random halves of the keys loses no more than dense training where a text is learned by heart, in three seeds", () => {
  const { claims, figures } = stored<EnsembleRun>("subsampled-ensemble");
  expect([ensembleClaim(figures.runs)]).toEqual(claims);
  expect(claims[0]!.holds, claims[0]!.text).toBe(true);
  // Two texts, two kinds of attention, three seeds.
  expect(figures.runs).toHaveLength(2 * 2 * 3);
  for (const { attention, ensembleNats } of figures.runs) {
    if (attention === "dense") expect(ensembleNats).toEqual([]);
    for (const [i, nats] of ensembleNats.slice(1).entries()) expect(nats).toBeLessThan(ensembleNats[i]!);
  }
});

test("[swish-rnn] beside attention in masked language models of equal parameters, in three seeds each", () => {
  const { claims, figures } = stored<RecurrenceRun>("swish-rnn-mlm");
  expect([recurrenceClaim(figures.runs)]).toEqual(claims);
  expect(claims[0]!.holds, claims[0]!.text).toBe(true);
  expect(figures.runs).toHaveLength(2 * 3);
});

test("reversals are what they say, the same for the same seed, and of the parts apart", () => {
  const draw = { symbols: 4, least: 3, most: 6, count: 60, seed: 2 };
  const [train, held] = [drawReversals("train", draw), drawReversals("test", draw)];
  for (const { source, target } of [...train, ...held]) expect([...target]).toEqual([...source].reverse());
  const known = new Set(train.map(({ source }) => source.join()));
  expect(held.some(({ source }) => known.has(source.join()))).toBe(false);
  expect(new Set(train.map(({ source }) => source.length))).toEqual(new Set([3, 4, 5, 6]));
  expect(drawReversals("train", draw)).toEqual(train);
});

test("alignments on, beside and off the antidiagonal are told apart", () => {
  expect(
    antidiagonal([
      [
        [0, 0, 1],
        [0, 1, 0],
        [1, 0, 0],
      ],
    ]),
  ).toEqual({ weight: 1, near: 1 });
  const diagonal = [
    [0.8, 0.1, 0.1],
    [0.1, 0.8, 0.1],
    [0.1, 0.1, 0.8],
  ];
  const found = antidiagonal([diagonal]);
  expect(found.weight).toBeCloseTo(1 / 3, 10);
  expect(found.near).toBeCloseTo(1 / 3, 10);
});

test("oscillators obey their equation, and readings are theirs", () => {
  const oscillator = { rate: 2, damping: 0.2, phase: 0.5 };
  const h = 1e-4;
  for (const t of [0.3, 1, 4]) {
    const [before, now, after] = [t - h, t, t + h].map((time) => positionAt(oscillator, time)) as [
      number,
      number,
      number,
    ];
    const acceleration = (after - 2 * now + before) / h ** 2;
    expect(acceleration + 2 * 0.2 * 2 * ((after - before) / (2 * h)) + 4 * now).toBeCloseTo(0, 5);
  }
  const drawn = drawReadings({ count: 50, length: 12, seed: 3 });
  expect(drawReadings({ count: 50, length: 12, seed: 3 })).toEqual(drawn);
  const gaps = drawn.inputs.filter((_, i) => i % 2 === 1);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0.1);
  expect(Math.max(...gaps)).toBeLessThan(0.9);
  for (const target of drawn.targets) expect(Math.abs(target)).toBeLessThanOrEqual(1);
});

test("[char-lm] models of characters beat the characters' entropy in every seed; what n-grams reach stands beside", () => {
  const { claims, figures } = stored<CharacterFigures["runs"][number]>("char-lm") as Stored<never> & {
    figures: CharacterFigures;
  };
  expect(characterClaims(figures)).toEqual(claims);
  expect(claims[0]!.holds).toBe(true);
  const { ngramBitsPerCharacter: ngrams, runs } = figures;
  expect(ngrams).toHaveLength(5);
  // Longer contexts predict better, so that the baselines are a ladder.
  for (const [i, bits] of ngrams.slice(1).entries()) expect(bits).toBeLessThan(ngrams[i]!);
  for (const { bitsPerCharacter } of runs) expect(bitsPerCharacter).toBeLessThan(ngrams[1]!);
});
