import { describe, expect, test } from "vitest";
import { type NdArray, plainIo, randomNormal, residualSuite, run, weightsFrom } from "../../testing/index.ts";
import { stochasticDepth } from "./stochastic-depth.ts";

residualSuite(stochasticDepth, {
  configs: [{ dropProb: 0 }, { dropProb: 0, initial: 0.1 }],
  naive: ({ x, y, p }) => {
    const scale = (p as { scale?: number[] }).scale;
    return x.map((row, b) => row.map((token, t) => token.map((v, i) => v + (scale?.[i] ?? 1) * y[b]![t]![i]!)));
  },
});

const [B, T, D] = [400, 2, 3];

function joined(dropProb: number, { mode = "train", seed = 1 }: { mode?: "train" | "eval"; seed?: number } = {}) {
  const { x, y, z } = run({
    inputs: { x: randomNormal("x", [B, T, D]), y: randomNormal("y", [B, T, D]) },
    build: ({ x, y }) => {
      const at = { c: stochasticDepth.config.parse({ dropProb }), d: { D }, p: weightsFrom({}), b: {} };
      return { x: x!, y: y!, z: stochasticDepth.forward(x!, y!, { ...at, io: plainIo(mode, seed) }) };
    },
  });
  return { x: x!, y: y!, z: z! };
}

/** What of the branch each sequence got, the same at all its tokens and features. */
function factors({ x, y, z }: Record<"x" | "y" | "z", NdArray>): number[] {
  const size = T * D;
  return Array.from({ length: B }, (_, b) => {
    const own = Array.from(
      { length: size },
      (_, i) => (z.data[b * size + i]! - x.data[b * size + i]!) / y.data[b * size + i]!,
    );
    for (const factor of own) expect(factor).toBeCloseTo(own[0]!, 9);
    return own[0]!;
  });
}

describe("stochastic depth", () => {
  test("[stochastic-depth] the expectation is that of evaluation, p = 1 is the identity, and evaluation drops nothing", () => {
    const p = 0.3;
    const counts = factors(joined(p));
    for (const factor of counts) expect([0, 1 / (1 - p)].some((known) => Math.abs(factor - known) < 1e-9)).toBe(true);
    const mean = counts.reduce((sum, v) => sum + v, 0) / B;
    // Four standard deviations of the mean of 400 draws.
    expect(Math.abs(mean - 1)).toBeLessThan(4 * Math.sqrt(p / (1 - p) / B));
    const all = joined(1);
    expect(all.z).toEqual(all.x);
    for (const factor of factors(joined(p, { mode: "eval" }))) expect(factor).toBeCloseTo(1, 9);
  });

  test("other seeds drop other sequences", () => {
    expect(factors(joined(0.5, { seed: 2 }))).not.toEqual(factors(joined(0.5)));
  });
});
