import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type ScheduleInput, scheduleFactor, scheduleSchema, schedules } from "./registry.ts";

const required: Readonly<Record<string, object>> = { step: { every: 10 }, multistep: { milestones: [3, 5] } };
const kinds = [...schedules.keys()];
const parsed = (given: object) => scheduleSchema.parse(given as ScheduleInput);
const table = (given: ScheduleInput, steps: number) =>
  Array.from({ length: steps }, (_, i) => scheduleFactor(parsed(given), i, steps));

test("[noam-lr] the peak is at step = warmup and equals (d·warmup)^−½, 6.99e-4 for 512 and 4000", () => {
  const rates = table({ kind: "noam" }, 8000);
  const peak = Math.max(...rates);
  expect(rates.indexOf(peak) + 1).toBe(4000);
  expect(peak).toBeCloseTo((512 * 4000) ** -0.5, 15);
  expect(peak.toExponential(2)).toBe("6.99e-4");
});

test("[noam-lr] step s has d^−½·min(s^−½, s·warmup^−3/2)", () => {
  const rates = table({ kind: "noam", width: 64, warmupSteps: 10 }, 40);
  rates.forEach(
    (rate, i) => void expect(rate).toBeCloseTo(64 ** -0.5 * Math.min((i + 1) ** -0.5, (i + 1) * 10 ** -1.5), 15),
  );
});

test.each(["linear", "cosine", "polynomial", "warmup-stable-decay"] as const)(
  "%s rises above 0 at once, peaks at 1 and ends at its floor",
  (kind) => {
    const rates = table({ kind, warmupSteps: 4, floorRatio: 0.25 }, 40);
    expect(rates.slice(0, 4)).toEqual([0.25, 0.5, 0.75, 1]);
    expect(Math.max(...rates)).toBe(1);
    expect(rates.at(-1)).toBeCloseTo(0.25, 12);
    rates.slice(4).forEach((rate, i) => void expect(rate).toBeLessThanOrEqual(rates[i + 3]!));
  },
);

test("a half of WSD is constant, the rest its decay", () => {
  const rates = table({ kind: "warmup-stable-decay", warmupSteps: 0, decayRatio: 0.5, floorRatio: 0 }, 8);
  expect(rates).toEqual([1, 1, 1, 1, 0.75, 0.5, 0.25, 0]);
});

test("periods that grow fill the run", () => {
  const rates = table({ kind: "cosine-restarts", warmupSteps: 0, cycles: 2, multiplier: 3, firstStep: 0 }, 40);
  expect(rates[0]).toBe(1);
  expect(rates[10]).toBeCloseTo(1, 12);
  expect(rates[5]).toBeCloseTo(0.5, 12);
  expect(rates[25]).toBeCloseTo(0.5, 12);
  expect(rates[9]).toBeLessThan(0.05);
});

test("an exponential without gamma reaches its floor at the end", () => {
  const rates = table({ kind: "exponential", floorRatio: 0.01, firstStep: 1 }, 10);
  expect(rates.at(-1)).toBeCloseTo(0.01, 12);
  expect(rates[4]).toBeCloseTo(0.1, 12);
});

describe.each(kinds)("%s", (kind) => {
  test("is declared in a file of its name", () => {
    expect(readdirSync(import.meta.dirname)).toContain(`${kind}.ts`);
  });

  test.each([1, 2, 3, 7])("is finite and between 0 and 1 in runs of %i steps", (steps) => {
    for (const rate of table({ kind, ...required[kind] } as ScheduleInput, steps)) {
      expect(rate).toBeGreaterThanOrEqual(0);
      expect(rate).toBeLessThanOrEqual(1);
    }
  });
});

test("cosine is the default; unknown kinds are refused", () => {
  expect(parsed({})).toMatchObject({ kind: "cosine", warmupRatio: 0.05, floorRatio: 0.1 });
  expect(scheduleSchema.safeParse({ kind: "cosin" }).success).toBe(false);
});
