import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createNodeEngine } from "../../engine/index.ts";
import { initialise, stateShape } from "../../model/index.ts";
import { type BuiltModel, buildSpec, canonicalSpec } from "../../spec/index.ts";
import { sizeOf } from "../../tensor/index.ts";
import { type DecodingMeasurement, measureDecoding, putParameters } from "../index.ts";

const engine = createNodeEngine({ threads: 1 });
afterAll(() => engine.close());

const attention = { kind: "attention", heads: 2, positions: { kind: "rope" } };
const prompt = Int32Array.from({ length: 700 }, (_, i) => (i * 5) % 11);

async function measured(
  spec: Record<string, unknown>,
  options = {},
): Promise<{ built: BuiltModel; result: DecodingMeasurement; stages: unknown[] }> {
  const built = buildSpec(canonicalSpec({ name: "tiny", width: 8, ...spec }), { tokens: 11 });
  await putParameters(engine, built.model, initialise(built.model, 1));
  const stages: unknown[] = [];
  const onStage = (stage: unknown) => void stages.push(stage);
  return {
    built,
    stages,
    result: await measureDecoding(engine, built, {
      prompt,
      contexts: [64, 4096],
      contextTokens: 2,
      warmup: 1,
      repeats: 2,
      onStage,
      ...options,
    }),
  };
}

const declared = ({ model }: BuiltModel, tokens: number) =>
  [...model.states.values()].reduce((sum, state) => sum + 4 * sizeOf(stateShape(state, tokens)), 0);

describe("measuring a next-token model", () => {
  let run: Awaited<ReturnType<typeof measured>>;
  beforeAll(async () => {
    run = await measured({
      layers: [{ mixer: attention }, { mixer: { ...attention, window: 50 } }, { mixer: { kind: "lstm" } }],
    });
  });

  test("gives figures of all repeats", () => {
    const { result } = run;
    for (const figure of [
      result.firstTokenMs,
      result.decodeTokensPerS,
      ...result.contexts.map(({ msPerToken }) => msPerToken),
    ]) {
      expect(figure.n).toBe(2);
      expect(figure.mean).toBeGreaterThan(0);
      expect(figure.spread).toBeGreaterThanOrEqual(0);
    }
    expect(result.promptTokens).toBe(512);
    expect(result.note).toBeUndefined();
  });

  test("[kv-cache] finds the declared state bytes at 64 and 4,096 tokens", () => {
    const { result, built } = run;
    expect(result.contexts.map(({ context, stateBytes }) => [context, stateBytes])).toEqual([
      [64, declared(built, 64)],
      [4096, declared(built, 4096)],
    ]);
    // At a power of two nothing is allocated in vain.
    for (const { stateBytes, allocatedBytes } of result.contexts) expect(allocatedBytes).toBe(stateBytes);
  });

  test("tells its stages and leaves no states", async () => {
    expect(run.stages).toEqual(["prompt", { context: 64 }, { context: 4096 }]);
    for (const path of run.built.model.states.keys())
      await expect(engine.get(`generate.0/${path}`)).rejects.toThrow(/E_RESIDENT/);
  });

  test("stays within positions that end, and says so", async () => {
    const { result } = await measured({
      layers: [{ mixer: { ...attention, positions: { kind: "none" } } }],
      embedding: { kind: "token", positions: { kind: "learned", max: 100 } },
    });
    expect(result.promptTokens).toBe(67);
    expect(result.note).toBe("prompt of 67 tokens");
    expect(result.contexts.map(({ context }) => context)).toEqual([64]);
  });
});

test("measuring masked diffusion times blocks within its window", async () => {
  const { result, stages } = await measured(
    {
      layers: [{ mixer: { ...attention, causal: false } }],
      objective: { kind: "masked-diffusion", block: 8, steps: 4 },
    },
    { context: 128 },
  );
  expect(result.contexts.map(({ context, stateBytes }) => [context, stateBytes])).toEqual([
    [64, null],
    [128, null],
  ]);
  expect(result.note).toBe("block of 8 tokens, 4 denoising steps, window of 128 tokens");
  expect(result.decodeTokensPerS.n).toBe(2);
  expect(stages).toEqual(["prompt", { context: 64 }, { context: 128 }]);
});
