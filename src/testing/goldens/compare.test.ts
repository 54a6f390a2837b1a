import { describe, expect, it } from "vitest";
import { input } from "../../tensor/index.ts";
import type { GoldenAdapter } from "./adapter.ts";
import { integerError, relativeError } from "./compare.ts";
import { discoverCases, GoldenCase, goldensMissing, runCase } from "./index.ts";

describe("golden comparison", () => {
  it("is relative to the largest stored magnitude", () => {
    expect(relativeError([1, 99], [0, 100])).toBe(0.01);
    expect(relativeError([0, 0], [0, 0])).toBe(0);
    expect(relativeError([1e-3], [0])).toBe(1e-3);
    expect(relativeError([1e-15], [2e-15], 1e-10)).toBeCloseTo(1e-5);
  });

  it("takes NaN and infinities for equal only to themselves", () => {
    expect(relativeError([Number.NaN, Number.POSITIVE_INFINITY], [Number.NaN, Number.POSITIVE_INFINITY])).toBe(0);
    for (const [a, b] of [
      [Number.NaN, 1],
      [1, Number.NaN],
      [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
      [1, Number.POSITIVE_INFINITY],
    ])
      expect(relativeError([a!], [b!])).toBe(Number.POSITIVE_INFINITY);
    expect(relativeError([1], [1, 2])).toBe(Number.POSITIVE_INFINITY);
  });

  it("holds integers to equality", () => {
    expect(integerError([1, 2], [1, 2])).toBe(0);
    expect(integerError([1, 2], [1, 3])).toBe(Number.POSITIVE_INFINITY);
  });
});

describe.skipIf(goldensMissing())("running one golden case", () => {
  const place = () =>
    discoverCases().find(({ kind, component, name }) => kind === "ops" && component === "exp" && name === "plain")!;
  const run = (build: Extract<GoldenAdapter, { build: unknown }>["build"]) =>
    runCase(new GoldenCase(place()), { kind: "ops", component: "exp", build });

  it("agrees with the right function, in values and gradients", async () => {
    const result = await run((c) => ({ outputs: { "out.y": c.tensor("in.x").exp() } }));
    expect(result.status).toBe("agreed");
    expect(result.maxError).toBeLessThan(1e-12);
  });

  it("notices a wrong value and names it", async () => {
    const result = await run((c) => ({ outputs: { "out.y": c.tensor("in.x").exp().add(0.01) } }));
    expect(result).toMatchObject({ status: "disagreed", where: "out.y" });
  });

  it("notices a wrong gradient under right values", async () => {
    const result = await run((c) => {
      const x = c.tensor("in.x");
      return { outputs: { "out.y": x.exp().add(x.sub(x.stopGradient())) } };
    });
    expect(result).toMatchObject({ status: "disagreed", where: "grad.in.x" });
  });

  it("holds a gradient that is said to cancel to nothing at all", async () => {
    const cancels = ["grad.in.x"];
    const result = await run((c) => ({ outputs: { "out.y": c.tensor("in.x").exp() }, cancels }));
    expect(result).toMatchObject({ status: "disagreed", where: "grad.in.x" });
  });

  it("notices what is missing, of another shape, or throws", async () => {
    expect(await run(() => ({ outputs: {} }))).toMatchObject({ status: "disagreed", where: "out.y is not computed" });
    expect(await run((c) => ({ outputs: { "out.y": c.tensor("in.x").exp().reshape([-1]) } }))).toMatchObject({
      status: "disagreed",
    });
    expect((await run(() => ({ outputs: { "out.y": input("nowhere", [3, 7]) } }))).where).toContain("nowhere");
  });

  it("keeps absent and its reason apart", async () => {
    expect(await run(() => "absent: no exponential")).toMatchObject({
      status: "absent",
      where: "no exponential",
      maxError: null,
    });
    expect(await runCase(new GoldenCase(place()), undefined)).toMatchObject({ status: "absent" });
  });

  it("accepts plain numbers", async () => {
    const compute = (c: GoldenCase) => ({ "out.y": c.values("in.x").map(Math.exp) });
    expect(await runCase(new GoldenCase(place()), { kind: "ops", component: "exp", compute })).toMatchObject({
      status: "agreed",
    });
  });
});
