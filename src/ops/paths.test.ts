import { expect, test } from "vitest";
import { pathKinds, pathWeights } from "./paths.ts";

const times = [0, 0.5, 1.2, 2, 3.1, 4];
const sum = (weights: readonly number[], values: readonly number[]) =>
  weights.reduce((total, weight, i) => total + weight * values[i]!, 0);

test.each(pathKinds)("%s paths meet every observation and follow a straight line exactly", (kind) => {
  const bent = times.map((t) => Math.sin(3 * t));
  for (const [i, { value }] of pathWeights({ kind, times }, times).entries())
    expect(sum(value, bent)).toBeCloseTo(bent[i]!, 12);
  const line = times.map((t) => 2 - 3 * t);
  for (const t of [0.1, 0.5, 1.9, 3.3]) {
    const [{ value, derivative }] = pathWeights({ kind, times }, [t]) as [{ value: number[]; derivative: number[] }];
    expect(sum(value, line)).toBeCloseTo(2 - 3 * t, 12);
    expect(sum(derivative, line)).toBeCloseTo(-3, 12);
  }
});

test.each(["linear", "hermite"] as const)("%s paths know no later observation than the piece's end", (kind) => {
  const [{ value, derivative }] = pathWeights({ kind, times }, [1.5]) as [{ value: number[]; derivative: number[] }];
  expect([...value.slice(4), ...derivative.slice(4)].every((weight) => weight === 0)).toBe(true);
});

test("derivatives of the smooth paths are those of their values", () => {
  const values = times.map((t) => Math.cos(2 * t));
  for (const kind of ["hermite", "cubic"] as const)
    for (const t of [0.2, 0.9, 2.6, 3.7]) {
      const [before, at, after] = pathWeights({ kind, times }, [t - 1e-5, t, t + 1e-5]);
      const slope = (sum(after!.value, values) - sum(before!.value, values)) / 2e-5;
      expect(sum(at!.derivative, values)).toBeCloseTo(slope, 7);
    }
});

test("missing observations have no weight, and the first and last that exist hold beyond them", () => {
  const observed = [false, true, true, false, true, false];
  for (const kind of pathKinds) {
    const [start, end] = pathWeights({ kind, times, observed }, [0, 4]);
    expect(start!.value[1]).toBeCloseTo(1, 12);
    expect(end!.value[4]).toBeCloseTo(1, 12);
    for (const { value } of pathWeights({ kind, times, observed }, [0.3, 1.5, 2.5, 3.9]))
      for (const i of [0, 3, 5]) expect(value[i]).toBe(0);
  }
});
