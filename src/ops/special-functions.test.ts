import { expect, test } from "vitest";
import { runReference } from "../engine/index.ts";
import { input, type Tensor } from "../tensor/index.ts";
import { digamma, logGamma, trigamma } from "./gamma.ts";
import { inverseErf } from "./inverse-erf.ts";

const at = (f: (x: Tensor) => Tensor, x: readonly number[]) => [
  ...runReference([f(input("x", [x.length]))], { x })[0]!,
];
const near = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 9));
const euler = 0.5772156649015329;

test("log Γ of whole and half numbers", () => {
  const factorials = [1, 1, 2, 6, 24, 120, 720, 5040, 40320, 362880, 3628800];
  expect(
    at(
      logGamma,
      factorials.map((_, i) => i + 1),
    ),
  ).toEqual(near(factorials.map(Math.log)));
  expect(at(logGamma, [0.5, -0.5])).toEqual(near([Math.log(Math.PI) / 2, Math.log(2 * Math.sqrt(Math.PI))]));
});

test("ψ and ψ′ at 1 and 1/2, and their recurrences on both sides of 0", () => {
  expect(at(digamma, [1, 0.5])).toEqual(near([-euler, -euler - 2 * Math.LN2]));
  expect(at(trigamma, [1, 0.5])).toEqual(near([Math.PI ** 2 / 6, Math.PI ** 2 / 2]));
  const points = [-3.7, -1.2, -0.4, 0.3, 2.5, 7.9, 20];
  const shifted = points.map((x) => x + 1);
  expect(at(digamma, shifted)).toEqual(near(at(digamma, points).map((value, i) => value + 1 / points[i]!)));
  expect(at(trigamma, shifted)).toEqual(near(at(trigamma, points).map((value, i) => value - points[i]! ** -2)));
});

test("erf of inverse erf is the number, and relative errors stay small in the tails", () => {
  const points = Array.from({ length: 199 }, (_, i) => (i - 99) / 101);
  expect(at((x) => inverseErf(x).erf(), points)).toEqual(near(points));
  const tails = [3, 3.5, 3.7];
  const back = at((x) => inverseErf(x.erf()), tails);
  back.forEach((x, i) => void expect(Math.abs(x / tails[i]! - 1)).toBeLessThan(1e-6));
});
