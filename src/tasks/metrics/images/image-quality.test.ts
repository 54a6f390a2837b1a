import { describe, expect, it } from "vitest";
import { createRng } from "../../../ops/index.ts";
import { discoverCases, GoldenCase, goldensMissing } from "../../../testing/goldens/index.ts";
import { type Image, peakSignalToNoise, structuralSimilarity } from "./image-quality.ts";

const image = (height: number, width: number, of: (i: number) => number): Image => ({
  ...{ height, width, channels: 1 },
  values: Array.from({ length: height * width }, (_, i) => of(i)),
});
const rng = createRng(4);
const noisy = image(12, 13, () => rng.uniform());

describe("image quality", () => {
  it("[psnr-ssim-db] a known error in dB: every pixel off by 0.1 is 20 dB, by 1 of 255 is 48.13 dB", () => {
    const shifted = (by: number): Image => ({ ...noisy, values: Array.from(noisy.values, (value) => value + by) });
    expect(peakSignalToNoise(noisy, shifted(0.1))).toBeCloseTo(20, 10);
    expect(peakSignalToNoise(noisy, shifted(1), { range: 255 })).toBeCloseTo(20 * Math.log10(255), 10);
    // One pixel of four off by 1: mean squared error 1/4.
    const [dark, one] = [image(2, 2, () => 0), image(2, 2, (i) => (i === 3 ? 1 : 0))];
    expect(peakSignalToNoise(dark, one)).toBeCloseTo(10 * Math.log10(4), 12);
    expect(peakSignalToNoise(noisy, noisy)).toBe(Number.POSITIVE_INFINITY);
  });

  it("[psnr-ssim-db] SSIM is 1 for equal images; of two flat ones only the luminances are compared", () => {
    for (const window of ["gaussian", "uniform"] as const) {
      expect(structuralSimilarity(noisy, noisy, { window })).toBeCloseTo(1, 12);
      const [a, b] = [image(11, 11, () => 0.2), image(11, 11, () => 0.6)];
      // (2 · 0.2 · 0.6 + 0.0001) / (0.04 + 0.36 + 0.0001)
      expect(structuralSimilarity(a, b, { window })).toBeCloseTo(0.2401 / 0.4001, 9);
    }
    const other = image(12, 13, () => rng.uniform());
    expect(structuralSimilarity(noisy, other)).toBeLessThan(0.5);
    expect(structuralSimilarity(noisy, other)).toBeCloseTo(structuralSimilarity(other, noisy), 12);
  });

  it("refuses other sizes, missing values and images smaller than the window", () => {
    expect(() =>
      peakSignalToNoise(
        noisy,
        image(13, 12, () => 0),
      ),
    ).toThrow(/expected 12 × 13 × 1, got 13 × 12 × 1/);
    expect(() => peakSignalToNoise({ ...noisy, channels: 3 }, { ...noisy, channels: 3 })).toThrow(
      /468 values, got 156/,
    );
    const small = image(8, 12, () => 0);
    expect(() => structuralSimilarity(small, small)).toThrow(/at least 11 × 11 pixels, got 8 × 12/);
    expect(structuralSimilarity(small, small, { window: "uniform" })).toBe(1);
  });
});

const missing = goldensMissing();
describe.skipIf(missing)(`scikit-image's figures (${missing ?? "goldens"})`, () => {
  const cases = discoverCases().filter(({ kind, component }) => kind === "analysis" && component === "image-quality");

  it("has cases", () => expect(cases.length).toBeGreaterThan(0));

  it.each(cases)("[psnr-ssim-db] $name", (place) => {
    const golden = new GoldenCase(place);
    const [height, width] = golden.list("hw") as [number, number];
    const read = (name: string): Image => ({
      ...{ height, width, channels: golden.number("C") },
      values: golden.values(name),
    });
    const [x, y] = [read("in.x"), read("in.y")];
    const stored = (name: string) => golden.values(`out.${name}`)[0]!;
    expect(peakSignalToNoise(x, y)).toBeCloseTo(stored("psnr"), 5);
    expect(structuralSimilarity(x, y, { window: "uniform" })).toBeCloseTo(stored("ssim_uniform7"), 6);
    expect(structuralSimilarity(x, y)).toBeCloseTo(stored("ssim_gaussian"), 6);
  });
});
