import { describe, expect, test } from "vitest";
import { constant, ones, type Tensor, zeros } from "../tensor/index.ts";
import { gradCheck, randomNormal, run } from "../testing/index.ts";
import {
  factors,
  hadamard,
  kroneckerProduct,
  lowRank,
  magnitudeAndDirection,
  randomProjection,
  reflections,
  rotations,
  skewOf,
  sparseSpectrum,
  type WeightAdapter,
} from "./weight-adapters.ts";

const [I, O, R] = [6, 4, 2];
const drawn = (label: string, shape: readonly number[]) => constant(randomNormal(label, shape).data, shape);
const pair = (name: string) => ({ down: drawn(`${name} down`, [I, R]), up: drawn(`${name} up`, [R, O]) });
const places = { inputs: [0, 1, 5], outputs: [2, 3, 1] };
const spectrum = (values: Tensor) => sparseSpectrum(values, { inputs: I, outputs: O, places, scale: 3 });

const adapters: Readonly<Record<string, WeightAdapter>> = {
  lowRank: lowRank({ ...pair("lora"), scale: 0.5 }),
  magnitudeAndDirection: magnitudeAndDirection(lowRank({ ...pair("dora"), scale: 0.5 }), drawn("m", [O])),
  randomProjection: randomProjection({ ...pair("vera"), rank: drawn("d", [R]), output: drawn("b", [O]) }),
  outputs: factors(drawn("l", [O]), "outputs"),
  inputs: factors(drawn("l", [I]), "inputs"),
  hadamard: hadamard(pair("first"), pair("second"), 0.7),
  kroneckerProduct: kroneckerProduct(drawn("a", [2, 2]), drawn("b", [3, 2]), 0.7),
  reflections: reflections(drawn("u", [I, 3])),
  rotations: rotations(skewOf(drawn("skew", [2, 3]), 3)),
  sparseSpectrum: spectrum(drawn("spectrum", [3])),
};

/** Adapters whose learned numbers are where training starts. */
const started: Readonly<Record<string, WeightAdapter>> = {
  lowRank: lowRank({ down: drawn("down", [I, R]), up: zeros([R, O]), scale: 0.5 }),
  randomProjection: randomProjection({ ...pair("vera"), rank: ones([R]), output: zeros([O]) }),
  factors: factors(ones([O]), "outputs"),
  rotations: rotations(skewOf(zeros([2, 3]), 3)),
  sparseSpectrum: spectrum(zeros([3])),
};

const inputs = { x: randomNormal("x", [2, 5, I]), w: randomNormal("w", [I, O]) };

describe("adapters of a map", () => {
  test.each(Object.entries(adapters))("[lora] %s: the merged matrix does what the adapter does", (_name, adapter) => {
    const { wrapped, merged } = run({
      inputs,
      build: ({ x, w }) => ({ wrapped: adapter.apply(x!, w!), merged: x!.matmul(adapter.merge(w!)) }),
    });
    expect(wrapped).toBeAllclose(merged!, { tolerance: 1e-12 });
  });

  test.each(Object.entries(started))("[lora] %s starts as the map itself", (_name, adapter) => {
    const { wrapped, plain } = run({
      inputs,
      build: ({ x, w }) => ({ wrapped: adapter.apply(x!, w!), plain: x!.matmul(w!) }),
    });
    expect(wrapped).toBeAllclose(plain!, { tolerance: 1e-12 });
  });

  test("turned and reflected maps keep lengths, and gradients of rotations are right", () => {
    for (const name of ["rotations", "reflections"]) {
      const { before, after } = run({
        inputs,
        build: ({ w }) => ({ before: w!.square().sum(0), after: adapters[name]!.merge(w!).square().sum(0) }),
      });
      expect(after).toBeAllclose(before!, { tolerance: 1e-12 });
    }
    gradCheck(({ x, w, upper }) => rotations(skewOf(upper!, 3)).apply(x!, w!), {
      ...inputs,
      upper: randomNormal("upper", [2, 3]),
    });
  });
});
