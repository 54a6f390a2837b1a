import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { logSlope } from "../../../scripts/evidence/log-slope.ts";
import { countFlops } from "../../engine/index.ts";
import { input, type Shape } from "../../tensor/index.ts";
import { families } from "../index.ts";
import { goldenIo, weightOf } from "./rnn-golden-weights.fixture.ts";

const D = 16;

function flopsOf(kind: string, tokens: number, options: object): number {
  const mixer = families.mixers[kind]!;
  const c = mixer.config.parse(options);
  const d = mixer.dims(c, D);
  const declared = Object.entries(mixer.params(d, c)) as [string, { shape: Shape }][];
  const p = Object.fromEntries(declared.map(([name, { shape }]) => [name, weightOf(input(name, shape))]));
  const at = { c, d, p, b: {}, s: {}, io: goldenIo() };
  return countFlops([mixer.forward(input("x", [1, tokens, D]), at).y]).total;
}

/** FLOPs at twice as many tokens over FLOPs, from 512 tokens on. */
const ratios = (kind: string, options: object = {}) =>
  [512, 2048, 8192].map((n) => flopsOf(kind, 2 * n, options) / flopsOf(kind, n, options));

const plain = { positions: { kind: "none" } };

test.each([
  ["attention", plain],
  ["attention", { ...plain, causal: false }],
  ["forgetting-attention", {}],
  ["mla", {}],
])("[quadratic-cost] counted FLOPs of %s from n to 2n tend to 4 times", (kind, options) => {
  const [first, second, third] = ratios(kind, options) as [number, number, number];
  expect(second).toBeGreaterThan(first);
  expect(third).toBeGreaterThan(second);
  expect(third).toBeLessThan(4);
  expect(4 - third).toBeLessThan(0.1);
});

const linear = ["linear-attention", "gla", "deltanet", "retention", "mamba", "mamba-2", "rwkv-7", "lstm", "rnn", "s5"];

test.each([...linear.map((kind) => [kind, {}] as const), ["attention", { ...plain, window: 64 }]] as [
  string,
  object,
][])("[quadratic-cost] counted FLOPs of %s from n to 2n tend to 2 times", (kind, options) => {
  const [, second, third] = ratios(kind, options) as [number, number, number];
  expect(Math.abs(third - 2)).toBeLessThan(0.05);
  expect(Math.abs(third - 2)).toBeLessThanOrEqual(Math.abs(second - 2) + 1e-3);
});

const evidence = new URL("../../../evidence/quadratic-cost.json", import.meta.url);

test.runIf(existsSync(evidence))("[quadratic-cost] measured wall times grow by a larger power with attention", () => {
  const { figures } = JSON.parse(readFileSync(evidence, "utf8")) as {
    figures: { name: string; slope: number; stdErr: number; points: { n: number; ms: number }[] }[];
  };
  const fits = figures.map(({ name, points, ...stored }) => {
    const fit = logSlope(points.map(({ n, ms }) => ({ n, y: ms })));
    expect(fit.slope).toBeCloseTo(stored.slope, 6);
    expect(fit.stdErr).toBeCloseTo(stored.stdErr, 6);
    return { name, ...fit };
  });
  const attention = fits.find(({ name }) => name === "attention")!;
  expect(fits.length).toBeGreaterThan(2);
  for (const { name, slope, stdErr } of fits)
    if (name !== "attention") expect(slope + 2 * stdErr, name).toBeLessThan(attention.slope - 2 * attention.stdErr);
});
