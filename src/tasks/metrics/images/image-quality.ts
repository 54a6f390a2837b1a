/** How near an image is to another. All throw E_METRIC_INPUT where sizes differ. */
import { fail } from "../../../tensor/error.ts";
import { assertLength, assertSome, meanOf } from "../classification/labelled.ts";

export interface Image {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Row by row, the channels of a pixel together. */
  readonly values: ArrayLike<number>;
}

/** Peak signal to noise in dB: 10 log₁₀ (range² / mean squared error); infinite for equal images. `range` is the span of values. */
export function peakSignalToNoise(x: Image, y: Image, { range = 1 }: { range?: number } = {}): number {
  assertAlike(x, y);
  const squares = Array.from(x.values, (value, i) => (value - y.values[i]!) ** 2);
  return 10 * Math.log10(range ** 2 / meanOf(squares));
}

export interface SsimOptions {
  /** Span of the values. Default 1. */
  range?: number;
  /** `gaussian` (the paper's): 11 × 11, deviation 1.5. `uniform`: 7 × 7, unbiased variances (scikit-image's own default). */
  window?: "gaussian" | "uniform";
}

/**
 * Structural similarity (Wang et al. 2004), 1 for equal images: mean over all places of the window inside the image, then over
 * channels, of (2 μx μy + c₁)(2 σxy + c₂) / ((μx² + μy² + c₁)(σx² + σy² + c₂)), c₁ = (0.01 range)², c₂ = (0.03 range)².
 */
export function structuralSimilarity(x: Image, y: Image, options: SsimOptions = {}): number {
  assertAlike(x, y);
  const { weights, correction } = windows[options.window ?? "gaussian"];
  const { range = 1 } = options;
  if (Math.min(x.height, x.width) < weights.length)
    fail({
      code: "E_METRIC_INPUT",
      where: "image",
      expected: `at least ${weights.length} × ${weights.length} pixels`,
      got: `${x.height} × ${x.width}`,
    });
  const constants = { c1: (0.01 * range) ** 2, c2: (0.03 * range) ** 2, correction };
  return meanOf(Array.from({ length: x.channels }, (_, c) => channelSimilarity([x, y], c, { weights, ...constants })));
}

interface Window {
  /** Along one axis; they sum to 1. */
  weights: readonly number[];
  /** Of variances. */
  correction: number;
}

const windows: Readonly<Record<NonNullable<SsimOptions["window"]>, Window>> = {
  gaussian: { weights: gaussian(5, 1.5), correction: 1 },
  uniform: { weights: Array(7).fill(1 / 7), correction: 49 / 48 },
};

function gaussian(radius: number, deviation: number): number[] {
  const raw = Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-((i - radius) ** 2) / (2 * deviation ** 2)));
  const total = raw.reduce((sum, weight) => sum + weight, 0);
  return raw.map((weight) => weight / total);
}

function channelSimilarity(
  images: readonly [Image, Image],
  channel: number,
  { weights, correction, c1, c2 }: Window & { c1: number; c2: number },
): number {
  const { height, width } = images[0];
  const [x, y] = images.map((image) => planeOf(image, channel)) as [number[], number[]];
  const smooth = (of: (i: number) => number) =>
    smoothed(
      x.map((_, i) => of(i)),
      { height, width, weights },
    );
  const [mx, my] = [smooth((i) => x[i]!), smooth((i) => y[i]!)];
  const [xx, yy] = [smooth((i) => x[i]! ** 2), smooth((i) => y[i]! ** 2)];
  const xy = smooth((i) => x[i]! * y[i]!);
  return meanOf(
    mx.map((a, i) => {
      const b = my[i]!;
      const [vx, vy, vxy] = [xx[i]! - a * a, yy[i]! - b * b, xy[i]! - a * b].map((v) => v * correction);
      return ((2 * a * b + c1) * (2 * vxy! + c2)) / ((a * a + b * b + c1) * (vx! + vy! + c2));
    }),
  );
}

const planeOf = ({ values, channels }: Image, channel: number): number[] =>
  Array.from({ length: values.length / channels }, (_, i) => values[i * channels + channel]!);

/** Weighted means at all places of a square window inside a plane: first along rows, then along columns. */
function smoothed(
  plane: readonly number[],
  { height, width, weights }: { height: number; width: number; weights: readonly number[] },
): number[] {
  const [rows, columns] = [height - weights.length + 1, width - weights.length + 1];
  const sum = (of: (k: number) => number) => weights.reduce((total, weight, k) => total + weight * of(k), 0);
  const along = Array.from({ length: height * columns }, (_, i) => {
    const start = Math.floor(i / columns) * width + (i % columns);
    return sum((k) => plane[start + k]!);
  });
  return Array.from({ length: rows * columns }, (_, i) => sum((k) => along[i + k * columns]!));
}

function assertAlike(x: Image, y: Image): void {
  const sizes = [x, y].map(({ height, width, channels }) => `${height} × ${width} × ${channels}`);
  if (sizes[0] !== sizes[1]) fail({ code: "E_METRIC_INPUT", where: "image", expected: sizes[0]!, got: sizes[1]! });
  assertSome("image", x.values.length);
  for (const { values } of [x, y]) assertLength("image", values.length, x.height * x.width * x.channels);
}
