import { describe, expect, test } from "vitest";
import { parameterCount } from "../../model/index.ts";
import { buildSpec, canonicalSpec, loadSpec, shippedSpecs } from "../../spec/index.ts";
import { equalise, sizeTolerance } from "./sizing.ts";

const tokens = 1024;

describe.each(shippedSpecs())("%s", (name) => {
  test.each([100_000, 480_000, 500_000, 1_000_000, 10_000_000])("comes within 3 %% of %d parameters", (value) => {
    const { spec, reached, tuned } = equalise(loadSpec(name), { size: { measure: "params", value }, tokens });
    expect(Math.abs(reached / value - 1)).toBeLessThanOrEqual(sizeTolerance);
    expect(parameterCount(buildSpec(spec, { tokens }).model.parameters)).toBe(reached);
    expect(canonicalSpec(spec)).toEqual(spec);
    expect(tuned["width"]).toBe(spec.width);
  });
});

test("a size that no width comes near is refused with the nearest", () => {
  const size = { measure: "params", value: 1000 } as const;
  expect(() => equalise(loadSpec("llama"), { size, tokens })).toThrow(
    /^llama: expected params within 3 % of 1000, got \d+ at width \d+, the nearest\. .*\[E_SIZE\]$/,
  );
});
