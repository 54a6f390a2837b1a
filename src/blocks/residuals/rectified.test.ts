import { describe, expect, test } from "vitest";
import { buildSpec, canonicalSpec, type SpecInput } from "../../spec/index.ts";
import { plainIo, randomNormal, residualSuite, run, weightsFrom } from "../../testing/index.ts";
import { rectified } from "./rectified.ts";

residualSuite(rectified, {
  configs: [{}, { shortcut: "map" }, { shortcut: "none" }],
  naive: ({ x, y, c }) =>
    y.map((row, b) =>
      row.map((token, t) => token.map((v, i) => Math.max(0, v + (c.shortcut === "none" ? 0 : x[b]![t]![i]!)))),
    ),
});

describe("a branch of another grid and width", () => {
  const [D, O] = [2, 3];
  const inputs = { x: randomNormal("x", [1, 12, D]), map: randomNormal("map", [D, O]) };
  const joined = (shortcut: "pad" | "map") =>
    run({
      inputs: { ...inputs, y: randomNormal("y", [1, 4, O]) },
      build: ({ x, y, map }) => {
        const c = rectified.config.parse({ shortcut });
        const p = weightsFrom({ map: shortcut === "map" ? map : undefined }) as never;
        const reshaped = { from: [3, 4], grid: [2, 2], stride: 2 } as const;
        const at = { c, d: rectified.dims(c, D, O), p, b: {}, io: plainIo("eval"), reshaped };
        return { y: y!, z: rectified.forward(x!, y!, at) };
      },
    });
  /** Cells (0, 0), (0, 2), (2, 0), (2, 2) of 3 × 4. */
  const seen = [0, 2, 8, 10].map((t) => [...inputs.x.data.subarray(t * D, (t + 1) * D)]);

  test("pad: every second cell of every second row, zeros for more features", () => {
    const { y, z } = joined("pad");
    const expected = seen.flatMap((token, t) => [...token, 0].map((v, i) => Math.max(0, v + y!.data[t * O + i]!)));
    expect([...z!.data]).toEqual(expected);
  });

  test("map: the same cells through W_s", () => {
    const { y, z } = joined("map");
    const mapped = (token: number[], o: number) =>
      token.reduce((sum, v, i) => sum + v * inputs.map.data[i * O + o]!, 0);
    seen.forEach((token, t) => {
      for (let o = 0; o < O; o++)
        expect(z!.data[t * O + o]).toBeCloseTo(Math.max(0, mapped(token, o) + y!.data[t * O + o]!), 12);
    });
  });

  test("a residual that cannot fit the stream is refused, and so are tokens that do not come back", () => {
    const spec = (residual: "add" | "rectified", head: SpecInput["head"]): SpecInput => ({
      name: "strided",
      width: 4,
      embedding: { kind: "features", size: 3, grid: [4, 4] },
      layers: [{ mixer: { kind: "conv2d", stride: 2 }, residual: { kind: residual } }],
      ...(head && { head }),
      objective: { kind: head?.kind === "classes" ? "classification" : "next-token" },
    });
    const build = (...at: Parameters<typeof spec>) => buildSpec(canonicalSpec(spec(...at)), { tokens: 3 });
    expect(() => build("add", { kind: "classes" })).toThrow(/mixerResidual: expected a residual that fits what conv2d/);
    expect(() => build("rectified", { kind: "lm", tied: false })).toThrow(/expected as many tokens at the end/);
    expect(build("rectified", { kind: "classes" }).model.outputs).toBe(2);
  });
});
