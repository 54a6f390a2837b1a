import { describe, expect, it } from "vitest";
import { discoverCases, GoldenCase, goldensMissing } from "../../../testing/goldens/index.ts";
import { bestAssignment, signalToNoise, siSdr, siSdrImprovement } from "./separation.ts";

const target = [1, -1, 1, -1];
const estimate = [1.1, -0.9, 0.9, -1.1];

describe("recovered signals", () => {
  it("[si-sdri] the estimate's loudness does not matter to SI-SDR, and does to SNR", () => {
    // The rest [0.1, 0.1, −0.1, −0.1] is at right angles to the target: 10 log₁₀(4 / 0.04) = 20 dB.
    expect(siSdr({ target, estimate })).toBeCloseTo(20, 10);
    for (const scale of [0.01, 3, -2, 1e4])
      expect(siSdr({ target, estimate: estimate.map((value) => scale * value) })).toBeCloseTo(20, 8);
    expect(signalToNoise({ target, estimate })).toBeCloseTo(20, 10);
    expect(signalToNoise({ target, estimate: estimate.map((value) => 2 * value) })).toBeLessThan(1);
  });

  it("[si-sdri] improvement is the estimate's SI-SDR less the mixture's", () => {
    const mixture = target.map((value, i) => value + [1, 1, -1, -1][i]!); // 0 dB
    expect(siSdrImprovement({ target, estimate, mixture })).toBeCloseTo(20, 10);
    expect(siSdrImprovement({ target, estimate: mixture, mixture })).toBe(0);
  });

  it("a constant counts unless the means are taken out; a perfect estimate stays finite", () => {
    const raised = estimate.map((value) => value + 5);
    expect(siSdr({ target, estimate: raised })).toBeLessThan(0);
    expect(siSdr({ target, estimate: raised }, { centred: true })).toBeCloseTo(20, 8);
    expect(siSdr({ target, estimate: target })).toBeGreaterThan(100);
    expect(Number.isFinite(siSdr({ target, estimate: target }))).toBe(true);
  });

  it("the best order of the estimates is found, whatever the score", () => {
    const targets = [target, [1, 1, -1, -1], [1, 0, 0, 1]];
    const { score, permutation } = bestAssignment(targets, [targets[2]!, target, targets[1]!], signalToNoise);
    expect(permutation).toEqual([1, 2, 0]);
    expect(score).toBeGreaterThan(100);
  });

  it("refuses signals of other lengths, no signal, and more sources than orders can be tried for", () => {
    expect(() => siSdr({ target, estimate: [1] })).toThrow("estimate: expected 4 values, got 1. [E_METRIC_INPUT]");
    expect(() => siSdr({ target: [], estimate: [] })).toThrow("[E_METRIC_INPUT]");
    expect(() => bestAssignment([target], [])).toThrow("estimates: expected 1 values, got 0");
    expect(() => bestAssignment(Array(9).fill(target), Array(9).fill(target))).toThrow(/at most 8 sources, got 9/);
  });
});

const missing = goldensMissing();
describe.skipIf(missing)(`torchmetrics' separation (${missing ?? "goldens"})`, () => {
  const cases = discoverCases().filter(({ kind, component }) => kind === "analysis" && component === "separation");

  it("has cases", () => expect(cases.length).toBeGreaterThan(0));

  it.each(cases)("[si-sdri] $name", (place) => {
    const golden = new GoldenCase(place);
    const [sources, length] = [golden.number("S"), golden.number("L")];
    const signals = (name: string) =>
      Array.from({ length: golden.number("B") * sources }, (_, i) =>
        golden.values(name).subarray(i * length, (i + 1) * length),
      );
    const [targets, estimates] = [signals("in.target"), signals("in.estimate")];
    const each = (score: typeof siSdr) => targets.map((one, i) => score({ target: one, estimate: estimates[i]! }));
    const close = (name: string, ours: readonly number[]) => {
      const stored = golden.values(name);
      const tolerance = 1e-5 * Math.max(...stored.map(Math.abs));
      expect(ours).toHaveLength(stored.length);
      for (const [i, value] of stored.entries())
        expect(Math.abs(ours[i]! - value), `${name}[${i}]`).toBeLessThan(tolerance);
    };
    close("out.si_sdr", each(siSdr));
    close(
      "out.si_sdr_centred",
      each((recovered) => siSdr(recovered, { centred: true })),
    );
    close("out.snr", each(signalToNoise));
    const rows = Array.from({ length: golden.number("B") }, (_, b) => [b * sources, (b + 1) * sources] as const);
    const found = rows.map(([from, to]) => bestAssignment(targets.slice(from, to), estimates.slice(from, to)));
    close(
      "out.pit",
      found.map(({ score }) => score),
    );
    expect(found.flatMap(({ permutation }) => permutation)).toEqual(Array.from(golden.values("out.permutation")));
  });
});
