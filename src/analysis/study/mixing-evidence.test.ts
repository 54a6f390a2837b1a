/** What the committed evidence says of layers with merged matrices, and of attention in chunks. Missing evidence fails. */
import { expect, test } from "vitest";
import { studyEvidence } from "../../../scripts/evidence/studies.ts";
import type { StudyResult } from "./index.ts";

function evidence(name: string): StudyResult {
  const found = studyEvidence(name);
  if (found === undefined) throw new Error(`no evidence for the protocol of ${name}: npm run evidence -- ${name}`);
  return found;
}

interface Trained {
  parameters: number;
  tests: readonly { bits: number; scores: Readonly<Record<string, number>> }[];
}

/** Results of a level by seed. */
function bySeed(name: string, label: string): Trained[] {
  const own = evidence(name).cells.filter(({ levels }) => Object.values(levels).includes(label));
  expect(own.length, label).toBe(3);
  return [...own].sort((a, b) => a.seed - b.seed).map(({ result }) => result as unknown as Trained);
}

const accuracies = (label: string): number[] =>
  bySeed("minimal-attention", label).map(({ tests }) => tests[0]!.scores["accuracy"]!);

/** How far a level's accuracy lies below that of the whole layer, by seed. */
const lost = (label: string): number[] => {
  const whole = accuracies("attention and MLP");
  return accuracies(label).map((accuracy, seed) => whole[seed]! - accuracy);
};

const [D, vocabulary] = [32, 16];

test("[minimal-no-mlp] without nets a key's value is recalled as well in two of three seeds, where the third has not begun, with the nets' parameters fewer", () => {
  const close = lost("no MLP").filter((difference) => difference < 0.01);
  expect(close).toHaveLength(2);
  const [whole, bare] = ["attention and MLP", "no MLP"].map(
    (label) => bySeed("minimal-attention", label)[0]!.parameters,
  );
  // Two nets of two layers, four times as wide, and their norms.
  expect(whole! - bare!).toBe(2 * (8 * D * D + 5 * D) + 2 * D);
  expect(bare!).toBeGreaterThan(2 * 4 * D * D + 2 * vocabulary);
});

test("[minimal-collapsed] one matrix for queries and keys and one for values and output lose nothing; with none for values the task is not learned", () => {
  for (const difference of lost("merged")) expect(difference).toBeLessThan(0.01);
  for (const difference of lost("merged, no values")) expect(difference).toBeGreaterThan(0.3);
});

test("[minimal-symmetric] a symmetric similarity recalls as well as the whole layer in every seed, with a sixth of its parameters", () => {
  for (const difference of lost("merged, symmetric")) expect(Math.abs(difference)).toBeLessThan(0.01);
  const [whole, small] = ["attention and MLP", "merged, symmetric"].map(
    (label) => bySeed("minimal-attention", label)[0]!.parameters,
  );
  expect(small! / whole!).toBeLessThan(0.18);
});

test("[tcnca] dilated convolutions in front of attention in chunks lose less than the chunks alone, in every seed", () => {
  expect(evidence("tcnca").verdicts.map(({ holds }) => holds)).toEqual(["all"]);
  const bits = (label: string) => bySeed("tcnca", label).map(({ tests }) => tests[0]!.bits);
  const alone = bits("nothing");
  for (const [seed, loss] of bits("convolutions (TCNCA)").entries()) expect(loss).toBeLessThan(alone[seed]! - 0.1);
  expect(bits("averages (Mega)")).toHaveLength(3);
});
