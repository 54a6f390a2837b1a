import { describe, expect, test } from "vitest";
import { runReference } from "../engine/index.ts";
import { constant, input } from "../tensor/index.ts";
import { randomNormal } from "../testing/index.ts";
import { discretePosterior, type TransitionShares } from "./discrete-diffusion.ts";
import { createRng } from "./rng.ts";

const n = 4;
/** Row-stochastic matrices over n classes and the mask: [from][to]. */
const matrixOf = ({ a, b, c }: TransitionShares): number[][] =>
  Array.from({ length: n + 1 }, (_, from) =>
    Array.from({ length: n + 1 }, (_, to) => {
      if (from === n) return to === n ? 1 : 0;
      return to === n ? c : b + (to === from ? a : 0);
    }),
  );
const product = (x: number[][], y: number[][]) =>
  x.map((row) => y[0]!.map((_, j) => row.reduce((sum, value, k) => sum + value * y[k]![j]!, 0)));

/** Shares after both, in the same form. */
const after = (first: TransitionShares, then: TransitionShares): TransitionShares => ({
  a: first.a * then.a,
  b: first.a * then.b + first.b * (then.a + n * then.b),
  c: first.c + (1 - first.c) * then.c,
});

const kinds = {
  absorbing: (beta: number): TransitionShares => ({ a: 1 - beta, b: 0, c: beta }),
  uniform: (beta: number): TransitionShares => ({ a: 1 - beta, b: beta / n, c: 0 }),
  both: (beta: number): TransitionShares => ({ a: 1 - beta, b: beta / 2 / n, c: beta / 2 }),
};
const betas = [0.1, 0.2, 0.05, 0.4];

describe.each(Object.entries(kinds))("[d3pm-discrete] %s diffusion", (_, shares) => {
  const steps = betas.map(shares);
  const through: TransitionShares[] = [];
  for (const step of steps) through.push(through.length > 0 ? after(through.at(-1)!, step) : step);

  test("the marginal in closed form is the product of the steps, and what a simulation gives", () => {
    const whole = steps.map(matrixOf).reduce(product);
    matrixOf(through.at(-1)!).forEach(
      (row, i) => void row.forEach((p, j) => void expect(p).toBeCloseTo(whole[i]![j]!, 12)),
    );
    const rng = createRng(1);
    const counts = new Array<number>(n + 1).fill(0);
    const draws = 20_000;
    for (let i = 0; i < draws; i++) {
      let at = 2;
      for (const step of steps) {
        let u = rng.uniform();
        at = matrixOf(step)[at]!.findIndex((p) => {
          u -= p;
          return u < 0;
        });
      }
      counts[at]!++;
    }
    counts.forEach((count, k) => void expect(Math.abs(count / draws - whole[2]![k]!)).toBeLessThan(0.015));
  });

  test("the posterior is Bayes' rule on the matrices, and sums to 1 where x_t can be reached", () => {
    const t = 2;
    const [step, before] = [matrixOf(steps[t]!), matrixOf(through[t - 1]!)];
    const reach = matrixOf(through[t]!);
    const logits = randomNormal("logits", [n + 1, n]);
    const x_t = constant([0, 1, 2, 3, n], [n + 1], "i32");
    const p = input("logits", [n + 1, n]).softmax(-1);
    const at = { step: steps[t]!, before: through[t - 1]!, through: through[t]! };
    const [posterior, p_x0] = runReference([discretePosterior(p, x_t, at), p], { logits: logits.data });
    for (let x = 0; x <= n; x++) {
      const expected = Array.from({ length: n + 1 }, (_, k) =>
        Array.from({ length: n }, (_, x0) => {
          const possible = reach[x0]![x]! > 0;
          return possible ? (step[k]![x]! * before[x0]![k]! * p_x0![x * n + x0]!) / reach[x0]![x]! : 0;
        }).reduce((a, b) => a + b),
      );
      const row = posterior!.subarray(x * (n + 1), (x + 1) * (n + 1));
      row.forEach((value, k) => void expect(value).toBeCloseTo(expected[k]!, 12));
      const reachable = Array.from({ length: n }, (_, x0) => (reach[x0]![x]! > 0 ? p_x0![x * n + x0]! : 0)).reduce(
        (a, b) => a + b,
      );
      if (reachable > 0) expect(row.reduce((a, b) => a + b)).toBeCloseTo(reachable, 12);
    }
  });
});
