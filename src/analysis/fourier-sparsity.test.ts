import { expect, test } from "vitest";
import { randomNormal } from "../testing/index.ts";
import { inverseParticipationRatio, powerSpectrum } from "./fourier-sparsity.ts";

const sizes = [23, 97, 96];
const wave = (n: number, k: number, phase: number) =>
  Array.from({ length: n }, (_, t) => Math.cos((2 * Math.PI * k * t) / n + phase));

test.each(sizes)("[ipr] over %i residues: a pure wave of any phase 1, two 1/2, noise of the order of 1/p", (n) => {
  for (const k of [1, 5, 11])
    for (const phase of [0, 0.4, Math.PI / 2]) expect(inverseParticipationRatio(wave(n, k, phase))).toBeCloseTo(1, 9);
  const [a, b] = [wave(n, 3, 0.3), wave(n, 7, 1.1)];
  expect(inverseParticipationRatio(a.map((value, t) => value + b[t]!))).toBeCloseTo(1 / 2, 9);
  const noise = Array.from({ length: 200 }, (_, i) => inverseParticipationRatio(randomNormal(`noise ${i}`, [n]).data));
  const mean = noise.reduce((sum, one) => sum + one, 0) / noise.length;
  // Powers of n/2 frequencies are exponential: E P² = 2 (E P)², so that the ratio is near 4/n.
  expect(mean * n).toBeGreaterThan(3);
  expect(mean * n).toBeLessThan(4.5);
});

test.each(sizes)("[ipr] neither scale nor a shift around the circle of %i residues changes it", (n) => {
  const { data } = randomNormal("weights", [n]);
  const moved = Array.from(data, (_, t) => -3 * data[(t + 5) % n]!);
  expect(inverseParticipationRatio(moved)).toBeCloseTo(inverseParticipationRatio(data), 9);
  const squares = data.reduce((sum, value) => sum + value * value, 0);
  expect(powerSpectrum(data).reduce((sum, power) => sum + power, 0)).toBeCloseTo(squares, 9);
});

test("a constant is one frequency, and so is what alternates", () => {
  expect(inverseParticipationRatio([2, 2, 2, 2])).toBeCloseTo(1, 12);
  expect(powerSpectrum([1, -1, 1, -1]).map((power) => Math.round(power))).toEqual([0, 0, 4]);
  expect(inverseParticipationRatio([0, 0])).toBeNaN();
});
