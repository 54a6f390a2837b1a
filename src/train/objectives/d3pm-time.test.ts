import { describe, expect, test } from "vitest";
import { describeModel } from "../../analysis/index.ts";
import { runReference } from "../../engine/index.ts";
import { createGenerator } from "../../generate/index.ts";
import { initialise } from "../../model/index.ts";
import { createRng } from "../../ops/index.ts";
import { type BuiltModel, buildSpec, canonicalSpec } from "../../spec/index.ts";
import { nativeEngine } from "../../testing/index.ts";
import { loadStart, trainTrial } from "../../testing/model-trial.ts";
import { evaluationProgram } from "../programs.ts";
import { objectiveLosses } from "./index.ts";

const [tokens, times, timeFeatures] = [5, 8, 6];
const { d3pm } = objectiveLosses;

const specOf = (transition: string, { condition = timeFeatures, told = true } = {}) => ({
  name: "d",
  width: 8,
  defaults: { norm: { kind: "adaptive-norm", condition }, residual: { kind: "condition-gate", condition } },
  norm: { kind: "rmsnorm" },
  layers: [{ mixer: { kind: "attention", heads: 2, causal: false }, channel: { kind: "swiglu" } }],
  head: { kind: "lm", tied: false },
  objective: { kind: "d3pm", transition, times, ...(told && { timeFeatures }) },
});
const builtOf = (transition: string, options = {}): BuiltModel =>
  buildSpec(canonicalSpec(specOf(transition, options)), { tokens });

/** Maps of the condition drawn too: they start at 0, where nothing depends on it. */
function valuesOf({ model }: BuiltModel): Record<string, Float32Array> {
  const rng = createRng(3);
  const drawn = (values: Float32Array) => values.map((value) => (value === 0 ? rng.uniform() - 0.5 : value));
  return Object.fromEntries([...initialise(model, 1)].map(([path, values]) => [path, drawn(values)]));
}

describe.each(["absorbing", "uniform"])("a model of %s noise that is told the time", (transition) => {
  const built = builtOf(transition);

  test("answers the same text otherwise at another time", () => {
    const [batch, length] = [1, 4];
    const { outputs } = evaluationProgram(built, d3pm, { batch, length });
    const mask = new Uint8Array(length).fill(1);
    const targets = Int32Array.of(0, 1, 2, 3);
    const inputs = Int32Array.of(built.extraTokens["mask"] ?? 3, 1, 2, 3);
    const text = { inputs, targets, weights: new Float32Array(length).fill(1) };
    const natsAt = (values: Record<string, Float32Array>, time: number) =>
      runReference([outputs["nats"]!], { ...values, ...text, mask, times: Float32Array.of(time) })[0]![0]!;
    const silent = Object.fromEntries(
      Object.entries(valuesOf(built)).map(
        ([path, values]) => [path, /(\.map|\.gate)$/.test(path) ? values.map(() => 0) : values] as const,
      ),
    );
    // The bound's weights depend on the time in any case: their ratio is what a model that does not look at it has.
    const ratio = (values: Record<string, Float32Array>) => natsAt(values, 5) / natsAt(values, 2);
    expect(Math.abs(ratio(valuesOf(built)) / ratio(silent) - 1)).toBeGreaterThan(1e-3);
  });

  test("trains, and writes", async () => {
    const { losses } = await trainTrial(nativeEngine(), built, { steps: 3 });
    expect(losses.every(Number.isFinite)).toBe(true);
    await loadStart(nativeEngine(), built, 1);
    const generator = createGenerator(nativeEngine(), built, { steps: 4 });
    const { tokens: written } = await generator.generate({ prompt: Int32Array.of(1), tokens: 6, seed: 1 });
    await generator.dispose();
    expect(written).toHaveLength(6);
    expect(written.every((id) => id >= 0 && id < tokens)).toBe(true);
  });

  test("is described like any other", () => {
    expect(describeModel(built, { context: 16 }).flops.train).toBeGreaterThan(0);
  });
});

test("parts that read the time need an objective that tells it, in their width", () => {
  expect(() => builtOf("uniform", { told: false })).toThrow(
    /adaptive-norm, which needs cond_BTD\. Objectives that feed it: d3pm with "timeFeatures"\. \[E_SPEC_FEEDS\]$/,
  );
  const wide = builtOf("uniform", { condition: 4 });
  expect(() => evaluationProgram(wide, d3pm, { batch: 1, length: 4 })).toThrow(
    /adaptive-norm\.condition: expected the width of the condition that is fed, 6, got 4\. .*\[E_CONDITION\]$|got 4\. \[E_CONDITION\]$/,
  );
  const odd = { ...specOf("uniform"), objective: { kind: "d3pm", timeFeatures: 5 } };
  expect(() => canonicalSpec(odd)).toThrow(/timeFeatures.*an even number/);
});
