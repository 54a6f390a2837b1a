import { describe, expect, test } from "vitest";
import { Lbfgs, type Objective } from "./lbfgs.ts";
import { strongWolfe } from "./line-search.ts";

/** Rosenbrock's valley, least at (1, 1). */
const valley: Objective = ([x = 0, y = 0]) => ({
  loss: (1 - x) ** 2 + 100 * (y - x * x) ** 2,
  gradient: Float64Array.of(-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)),
});

/** ½ Σ i·xᵢ². */
const bowl: Objective = (x) => ({
  loss: x.reduce((sum, value, i) => sum + ((i + 1) * value * value) / 2, 0),
  gradient: x.map((value, i) => (i + 1) * value),
});

async function minimised(objective: Objective, start: readonly number[], calls: number, optimizer = new Lbfgs()) {
  let x = Float64Array.from(start);
  const losses: number[] = [];
  for (let call = 0; call < calls; call++) {
    const next = await optimizer.step(x, objective);
    losses.push(next.loss);
    x = Float64Array.from(next.x);
  }
  return { x: [...x], losses };
}

describe("[sgd-adamw-family] L-BFGS", () => {
  test("finds the end of Rosenbrock's valley", async () => {
    const { x } = await minimised(valley, [-1.2, 1], 4, new Lbfgs({ changeTolerance: 1e-14 }));
    expect(x[0]).toBeCloseTo(1, 6);
    expect(x[1]).toBeCloseTo(1, 6);
  });

  test("needs about as many directions as a quadratic has dimensions, and then stands still", async () => {
    const { x, losses } = await minimised(bowl, [1, -2, 3, -4], 2);
    expect(Math.max(...x.map(Math.abs))).toBeLessThan(1e-6);
    expect(losses[0]).toBe(0.5 + 4 + 13.5 + 32);
    expect(losses[1]).toBeLessThan(1e-10);
  });

  test("takes no more gradients in a call than it is allowed", async () => {
    let count = 0;
    const counted: Objective = (x) => {
      count++;
      return bowl(x);
    };
    await new Lbfgs({ lineSearch: "none", iterations: 50, evaluations: 4 }).step(
      Float64Array.of(1, 2, 3, 4, 5),
      counted,
    );
    expect(count).toBe(4);
  });

  test("a step found along a line decreases enough and is flat enough, however wrong the first try is", async () => {
    const f = (t: number) => ({ t, loss: (t - 2) ** 4 + t, slope: 4 * (t - 2) ** 3 + 1, gradient: Float64Array.of() });
    for (const t of [1e-3, 1, 1.9, 30]) {
      const { found } = await strongWolfe({ start: f(0), t, at: async (step) => f(step), reach: 1 });
      expect(found.loss).toBeLessThanOrEqual(f(0).loss + 1e-4 * found.t * f(0).slope);
      expect(Math.abs(found.slope)).toBeLessThanOrEqual(-0.9 * f(0).slope);
    }
  });
});
