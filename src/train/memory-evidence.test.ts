/** What the committed evidence says of a training step's memory, judged again from its figures. Missing evidence fails. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const figuresOf = <Figures>(name: string): Figures => {
  const file = new URL(`../../evidence/${name}.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { figures: Figures }).figures;
};

test("resident memory is flat over 10,000 steps, and the engine holds the same values all the time", () => {
  interface Sample {
    step: number;
    residentBytes: number;
    held: { residents: number; residentBytes: number; sessions: number };
  }
  const { steps, samples } = figuresOf<{ steps: number; samples: Sample[] }>("flat-memory");
  expect(steps).toBeGreaterThanOrEqual(10_000);
  expect(samples.length).toBeGreaterThanOrEqual(20);
  expect(samples.at(-1)!.step).toBe(steps);
  expect(new Set(samples.map(({ held }) => JSON.stringify(held))).size).toBe(1);
  expect(samples[0]!.held).toMatchObject({ sessions: 1 });
  // Behind the first quarter, in which the heap finds its size: the mean of the last ones beside that of the first ones.
  const settled = samples.filter(({ step }) => step > steps / 4).map(({ residentBytes }) => residentBytes);
  const meanOf = (list: readonly number[]) => list.reduce((sum, bytes) => sum + bytes, 0) / list.length;
  expect(meanOf(settled.slice(-5)) - meanOf(settled.slice(0, 5))).toBeLessThan(8e6);
});

test("a causal attention step over 32k tokens takes less than 2 GB, and memory that grows with the length, not its square", () => {
  interface Step {
    length: number;
    peakBytes: number;
    loss: number;
  }
  const { steps } = figuresOf<{ steps: Step[] }>("long-context");
  expect(steps.map(({ length }) => length)).toEqual([8192, 16_384, 32_768]);
  for (const { peakBytes, loss } of steps) {
    expect(peakBytes).toBeLessThan(2e9);
    expect(Number.isFinite(loss)).toBe(true);
  }
  for (const [i, { peakBytes }] of steps.entries())
    if (i > 0) expect(peakBytes / steps[i - 1]!.peakBytes).toBeLessThan(2.2);
});
