import { describe, expect, test } from "vitest";
import { runReference } from "../../engine/index.ts";
import { createGenerator } from "../../generate/index.ts";
import { createRng } from "../../ops/index.ts";
import { type BuiltModel, buildSpec, canonicalSpec } from "../../spec/index.ts";
import { nativeEngine } from "../../testing/index.ts";
import { trainingSchema } from "../config.ts";
import { createEvaluator } from "../evaluate.ts";
import { evaluationProgram, trainingProgram } from "../programs.ts";
import { createTraining } from "../training.ts";
import { objectiveLosses } from "./index.ts";

const tokens = 5;
const times = 8;
const { d3pm } = objectiveLosses;
const builtOf = (objective: object, width = 8): BuiltModel =>
  buildSpec(
    canonicalSpec({
      name: "d",
      width,
      layers: [
        {
          mixer: { kind: "attention", heads: 2, causal: false, positions: { kind: "rope" } },
          channel: { kind: "swiglu" },
        },
      ],
      head: { kind: "lm", tied: false },
      objective: { kind: "d3pm", times, ...objective },
    }),
    { tokens },
  );

/** Parameters of 0: every token has the same probability. */
const zeros = ({ model }: BuiltModel) =>
  Object.fromEntries(
    [...model.parameters].map(([path, { shape }]) => [path, new Float64Array(shape.reduce((a, b) => a * b, 1))]),
  );

describe.each(["absorbing", "uniform"] as const)("D3PM with %s noise", (transition) => {
  const built = builtOf({ transition });
  const [count, length] = [60, 6];
  const inputs = Int32Array.from({ length: count * length }, (_, i) => (i * 3) % tokens);
  const mask = Uint8Array.from(inputs, (_, i) => Number(i < count * length - 2));
  const windows = { count, length, inputs, targets: inputs, mask };

  test("the bound of a model that knows nothing is ln V a token", () => {
    const { outputs } = evaluationProgram(built, d3pm, { batch: count, length });
    let nats = 0;
    for (let draw = 0; draw < times; draw++) {
      const { times: drawn, ...feed } = d3pm.feed(windows, built, { draw, draws: times, rng: createRng(3) });
      const feeds = { ...zeros(built), inputs: feed.ids, targets: feed.targets, weights: feed.weights };
      nats += runReference([outputs["nats"]!], { ...feeds, mask, times: drawn! })[0]![0]! / times;
    }
    expect(Math.abs(nats / (count * length - 2) / Math.log(tokens) - 1)).toBeLessThan(0.06);
  });

  test("each draw takes a time of its own stratum, and leaves its share of the tokens", () => {
    const feeds = Array.from({ length: times }, (_, draw) =>
      d3pm.feed(windows, built, { draw, draws: times, rng: createRng(3) }),
    );
    for (let w = 0; w < count; w++)
      expect(feeds.map((feed) => feed.times![w]).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const changed = (time: number) =>
      inputs.reduce((sum, id, i) => {
        const feed = feeds.find((one) => one.times![Math.floor(i / length)] === time)!;
        return sum + Number(feed.ids[i] !== id && mask[i] === 1);
      }, 0);
    const lost = transition === "absorbing" ? 1 : (tokens - 1) / tokens;
    expect(changed(times) / (count * length - 2)).toBeCloseTo(lost, transition === "absorbing" ? 12 : 1);
    expect(Math.abs(changed(2) / (count * length) - (lost * 2) / times)).toBeLessThan(0.06);
    expect(feeds.every(({ weights }) => weights.subarray(-2).every((weight) => weight === 0))).toBe(true);
  });

  test("training adds λ times the cross entropy to the bound", () => {
    const lossOf = (lambda: number) => {
      const other = builtOf({ transition, lambda });
      const { outputs } = trainingProgram(other, d3pm, { batch: 4, length });
      const feeds = { ...zeros(other), inputs: inputs.subarray(0, 24), "random.seed": [1], "random.step": [2] };
      return runReference([outputs["loss"]!], feeds)[0]![0]!;
    };
    expect(lossOf(0.5) - lossOf(0)).toBeCloseTo(0.5 * Math.log(tokens), 10);
  });

  test("learns a text, and writes it", async () => {
    const own = builtOf({ transition, times: 16, block: 10, steps: 16 }, 32);
    const engine = nativeEngine();
    const ids = Int32Array.from({ length: 400 }, (_, i) => i % tokens);
    const config = trainingSchema.parse({ steps: 300, batch: 16, length: 20, optimizer: { learningRate: 0.005 } });
    const training = await createTraining(engine, own, { ids, config });
    const text = { ids: ids.subarray(0, 101), bytes: 101 };
    const evaluator = await createEvaluator(engine, own, { text, shape: { batch: 5, length: 20 } });
    const before = await evaluator.run();
    await training.advanceBy(config.steps);
    const after = await evaluator.run();
    expect(before.bitsPerByte).toBeGreaterThan(1.5);
    expect(after.kind).toBe("upper-bound");
    expect(after.bitsPerByte).toBeLessThan(0.5 * before.bitsPerByte);
    const generator = createGenerator(engine, own, { context: 20 });
    const { tokens: written } = await generator.generate({ prompt: ids.subarray(0, 10), tokens: 10, seed: 1 });
    // Each token is the one behind its neighbour's: by chance one of five.
    const right = written.filter((id, i) => id === ((i === 0 ? 4 : written[i - 1]!) + 1) % tokens).length;
    expect(right).toBeGreaterThanOrEqual(6);
    await Promise.all([generator.dispose(), evaluator.dispose()]);
    await training.dispose();
  });
});

test("uniform noise adds no id to the vocabulary, absorbing noise its mask", () => {
  expect(builtOf({ transition: "uniform" }).extraTokens).toEqual({});
  expect(builtOf({ transition: "absorbing" }).extraTokens).toEqual({ mask: tokens });
});
