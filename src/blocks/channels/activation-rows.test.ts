import { describe, expect, test } from "vitest";
import { constant, type Tensor } from "../../tensor/index.ts";
import { gradCheck, randomNormal, run, weightsFrom } from "../../testing/index.ts";
import { errorAfterTraining } from "./activation-fit.fixture.ts";
import { approximationRate } from "./activation-rate.fixture.ts";
import { activate, type HiddenActivation } from "./learned-activation.ts";

const learned = (kind: HiddenActivation, x: Tensor, own: Readonly<Record<string, Tensor>>): Tensor =>
  activate(kind, x, weightsFrom(own));

/** A nonlinearity of rows of numbers, its one parameter given as numbers. */
function valuesOf(
  kind: HiddenActivation,
  x: readonly (readonly number[])[],
  [name, own]: [string, number[]],
): number[] {
  const { y } = run({
    inputs: {},
    build: () => ({
      y: learned(kind, constant(x.flat(), [x.length, x[0]!.length]), { [name]: constant(own, [own.length]) }),
    }),
  });
  return [...y!.data];
}

/** (3x + 3)!: from 1 to 720 on [−1, 1], by the recursion n! = (n + 1)!/(n + 1) down from Stirling's series. */
function factorial(x: number): number {
  const n = 3 * x + 3;
  const far = n + 20;
  const stirling = Math.sqrt(2 * Math.PI * far) * (far / Math.E) ** far * (1 + 1 / (12 * far) + 1 / (288 * far ** 2));
  return Array.from({ length: 20 }, (_, i) => n + i + 1).reduce((value, factor) => value / factor, stirling);
}

const third = 1 / 3;
const points = [-2, -0.3, 0.4, 1.5];

describe("learned nonlinearities", () => {
  test("[polyrelu] with only the first power it is ReLU, its gradients are right, and it fits a cubic better than ReLU", async () => {
    expect(valuesOf("polyrelu", [points], ["activationPowers", [0, 1, 0, 0]])).toEqual([0, 0, 0.4, 1.5]);
    gradCheck(
      ({ x, a }) => learned("polyrelu", x!, { activationPowers: a! }),
      {
        x: randomNormal("x", [4, 5]),
        a: randomNormal("a", [4]),
      },
      { smooth: "away from ties" },
    );
    const cubic = (x: number) => x ** 3 - 0.4 * x;
    const wins = await Promise.all(
      [0, 1, 2].map(async (seed) => {
        const plain = await errorAfterTraining({ kind: "relu", target: cubic, seed });
        return (
          (await errorAfterTraining({
            kind: "polyrelu",
            target: cubic,
            own: { activationPowers: [0, third, third, third] },
            seed,
          })) < plain
        );
      }),
    );
    expect(wins).toEqual([true, true, true]);
  });

  test("[polycom-rate] fitting a smooth function, the error of n PolyReLU units falls as n to the −4, of n ReLU units as n to the −2", () => {
    const smooth = (x: number) => Math.sin(5 * x) + 0.5 * Math.exp(x);
    const relu = approximationRate({ kind: "relu", slopes: [1] }, smooth, [6, 12, 24, 48]);
    // Units of three slopes at a knot span u, u² and u³ there.
    const own = { activationPowers: [0, third, third, third] };
    const polyrelu = approximationRate({ kind: "polyrelu", own, slopes: [1, 2, 3] }, smooth, [2, 4, 8, 16]);
    expect(Math.abs(relu - 2)).toBeLessThan(0.25);
    expect(Math.abs(polyrelu - 4)).toBeLessThan(0.4);
  });

  test("[polynorm] any scale of its input gives the same, also a very large one", () => {
    const own: [string, number[]] = ["activationPowers", [0.1, third, third, third]];
    const plain = valuesOf("polynorm", [points], own);
    for (const scale of [1e-3, 7, 1e30]) {
      const scaled = valuesOf("polynorm", [points.map((v) => v * scale)], own);
      scaled.forEach((v, i) => void expect(v).toBeCloseTo(plain[i]!, 9));
    }
    expect(plain.every(Number.isFinite)).toBe(true);
    expect(valuesOf("polynorm", [[0, 0, 0]], own).every(Number.isFinite)).toBe(true);
  });

  test("[dra] it has its formula and gradients, and fits factorial growth better than ReLU", async () => {
    const [a, b, c, d] = [0.5, 2, -0.3, 0.7] as const;
    valuesOf("dra", [points], ["activationWaves", [a, b, c, d]]).forEach((value, i) => {
      const x = points[i]!;
      expect(value).toBeCloseTo(x + a * Math.sin(x / b) ** 2 + c * Math.cos(b * x) + d * Math.tanh(b * x), 12);
    });
    gradCheck(({ x, own }) => learned("dra", x!, { activationWaves: own!.add(2) }), {
      x: randomNormal("x", [4, 5]),
      own: randomNormal("own", [4], 0.3),
    });
    const wins = await Promise.all(
      [0, 1, 2].map(async (seed) => {
        const plain = await errorAfterTraining({ kind: "relu", target: factorial, seed });
        return (
          (await errorAfterTraining({ kind: "dra", target: factorial, own: { activationWaves: [1, 1, 0, 0] }, seed })) <
          plain
        );
      }),
    );
    expect(factorial(1)).toBeCloseTo(720, 2);
    expect(wins.filter(Boolean).length).toBeGreaterThanOrEqual(2);
  });
});
