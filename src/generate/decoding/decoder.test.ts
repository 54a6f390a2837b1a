import { afterAll, describe, expect, test } from "vitest";
import { createNodeEngine, createReferenceEngine, type Engine } from "../../engine/index.ts";
import { initialise } from "../../model/index.ts";
import { createRng } from "../../ops/index.ts";
import { type BuiltModel, buildSpec, canonicalSpec, loadSpec, type SpecInput, shippedSpecs } from "../../spec/index.ts";
import { input } from "../../tensor/index.ts";
import { evaluationIo, inputSource } from "../../train/index.ts";
import { putParameters } from "../parameters.ts";
import { Decoder, type NextLogits } from "./decoder.ts";

const vocabulary = 11;

/** A tiny model of one kind of layer over and over. */
function tiny(mixers: Record<string, unknown>[], options: Record<string, unknown> = {}): BuiltModel {
  const spec = {
    name: "tiny",
    width: 16,
    layers: mixers.map((mixer) => ({ mixer })),
    ...options,
  } as unknown as SpecInput;
  return buildSpec(canonicalSpec(spec), { tokens: vocabulary });
}

const attention = (options: Record<string, unknown> = {}) => ({
  kind: "attention",
  heads: 4,
  positions: { kind: "rope" },
  ...options,
});

const models: Record<string, BuiltModel> = {
  "multi-head attention": tiny([attention(), attention()]),
  "grouped queries": tiny([attention({ kvHeads: 2 }), attention({ kvHeads: 2 })]),
  "a single key head": tiny([attention({ kvHeads: 1 })]),
  "a window": tiny([attention({ window: 5 }), attention({ window: 8 })]),
  "learned positions": tiny([attention({ positions: { kind: "none" } })], {
    embedding: { kind: "token", positions: { kind: "learned", max: 90 } },
  }),
  lstm: tiny([{ kind: "lstm" }]),
  "mamba-2": tiny([{ kind: "mamba-2" }]),
  "gated-deltanet": tiny([{ kind: "gated-deltanet", heads: 2 }]),
  mlstm: tiny([{ kind: "mlstm", heads: 2 }]),
  hybrid: tiny([{ kind: "gated-deltanet", heads: 2 }, attention({ window: 6 }), attention()]),
};

const text = (length: number, seed: number) => {
  const rng = createRng(seed);
  return Int32Array.from({ length }, () => rng.below(vocabulary));
};

const engines: Record<string, Engine> = {
  reference: createReferenceEngine(),
  native: createNodeEngine({ threads: 1 }),
};
afterAll(() => Promise.all(Object.values(engines).map((engine) => engine.close())));

/** Scores behind every token of a text, read as a whole without any state: [T][C]. */
async function uncached(engine: Engine, { model }: BuiltModel, ids: Int32Array): Promise<NextLogits> {
  const { logits } = model.forward(input("ids", [1, ids.length], "i32"), { source: inputSource(), io: evaluationIo() });
  const program = await engine.compile({ outputs: { logits } });
  const all = (await program.run({ ids }))["logits"] as Float32Array;
  await program.dispose();
  return Array.from(ids, (_, t) => all.subarray(t * vocabulary, (t + 1) * vocabulary));
}

/** Largest difference relative to the largest magnitude. */
function error(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const scale = Math.max(...Array.from(b, Math.abs));
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!))) / scale;
}

let prefixes = 0;
async function decoderOf(engine: Engine, built: BuiltModel, batch = 1): Promise<Decoder> {
  await putParameters(engine, built.model, initialise(built.model, 3));
  return new Decoder(engine, built.model, { batch, prefix: `test.${prefixes++}/` });
}

/** Largest error over a prompt and the tokens behind it, for every sequence of a batch. */
async function decodingError(
  engine: Engine,
  built: BuiltModel,
  { prompts, steps }: { prompts: number[]; steps: number },
): Promise<number> {
  const texts = prompts.map((prompt, row) => text(prompt + steps, 10 + row));
  const expected: NextLogits[] = [];
  const decoder = await decoderOf(engine, built, prompts.length);
  for (const ids of texts) expected.push(await uncached(engine, built, ids));
  let logits = await decoder.prefill(texts.map((ids, row) => ids.subarray(0, prompts[row])));
  let worst = 0;
  for (let step = 0; ; step++) {
    const errors = prompts.map((prompt, row) => error(logits[row]!, expected[row]![prompt + step - 1]!));
    worst = Math.max(worst, ...errors);
    if (step === steps) break;
    logits = await decoder.step(Int32Array.from(texts, (ids, row) => ids[prompts[row]! + step]!));
  }
  await decoder.dispose();
  return worst;
}

describe.each(Object.keys(models))("cached decoding with %s", (name) => {
  const built = models[name]!;

  test.each([
    { what: "one token, then past a doubling", prompts: [1], steps: 34 },
    { what: "a prompt of a bucket's length", prompts: [16], steps: 3 },
    { what: "a prompt of odd length, past a doubling", prompts: [29], steps: 6 },
    { what: "several lengths in a batch", prompts: [3, 17, 9], steps: 18 },
  ])("[kv-cache] equals the whole forward: $what", async (shape) => {
    expect(await decodingError(engines["reference"]!, built, shape)).toBeLessThan(1e-6);
  });

  test("[kv-cache] equals the whole forward on the native engine", async () => {
    expect(await decodingError(engines["native"]!, built, { prompts: [13, 37], steps: 4 })).toBeLessThan(2e-4);
  });

  test("reading on behind a text equals reading all", async () => {
    const ids = [text(60, 5), text(60, 6)];
    const decoder = await decoderOf(engines["reference"]!, built, 2);
    await decoder.prefill([ids[0]!.subarray(0, 7), ids[1]!.subarray(0, 20)]);
    await decoder.step(Int32Array.of(ids[0]![7]!, ids[1]![20]!));
    const logits = await decoder.extend([ids[0]!.subarray(8, 50), ids[1]!.subarray(21, 22)]);
    const whole = [
      (await uncached(engines["reference"]!, built, ids[0]!))[49]!,
      (await uncached(engines["reference"]!, built, ids[1]!))[21]!,
    ];
    logits.forEach((row, i) => void expect(error(row, whole[i]!)).toBeLessThan(1e-6));
    await decoder.dispose();
  });
});

const shipped = shippedSpecs()
  .map((name) => ({ name, built: buildSpec(loadSpec(name), { tokens: vocabulary }) }))
  .filter(({ built }) => built.model.decodes);

test.each(shipped)("[kv-cache] the shipped spec $name decodes as it reads", async ({ built }) => {
  expect(await decodingError(engines["native"]!, built, { prompts: [13, 21], steps: 3 })).toBeLessThan(2e-4);
});

describe("a decoder", () => {
  const native = engines["native"]!;

  test("reads prompts of more than one piece", async () => {
    for (const name of Object.keys(models).filter((name) => models[name]!.model.limit > 1040))
      expect(await decodingError(native, models[name]!, { prompts: [1031, 40], steps: 2 })).toBeLessThan(2e-4);
  });

  test("reorders its sequences with their states", async () => {
    const built = models["hybrid"]!;
    const ids = [text(30, 1), text(30, 2), text(30, 3)];
    const decoder = await decoderOf(engines["reference"]!, built, 3);
    await decoder.prefill([ids[0]!.subarray(0, 9), ids[1]!.subarray(0, 4), ids[2]!.subarray(0, 12)]);
    await decoder.reorder(Int32Array.of(2, 2, 0));
    const logits = await decoder.step(Int32Array.of(ids[2]![12]!, 1, ids[0]![9]!));
    const expected = [
      await uncached(engines["reference"]!, built, ids[2]!.subarray(0, 13)),
      await uncached(engines["reference"]!, built, Int32Array.of(...ids[2]!.subarray(0, 12), 1)),
      await uncached(engines["reference"]!, built, ids[0]!.subarray(0, 10)),
    ];
    logits.forEach((row, i) => void expect(error(row, expected[i]!.at(-1)!)).toBeLessThan(1e-6));
    await decoder.dispose();
  });

  test("refuses what it cannot read", async () => {
    const decoder = await decoderOf(native, models["learned positions"]!, 2);
    await expect(decoder.prefill([text(3, 1)])).rejects.toThrow(/E_PROMPT/);
    await expect(decoder.prefill([text(3, 1), new Int32Array()])).rejects.toThrow(/E_PROMPT/);
    await expect(decoder.prefill([text(91, 1), text(3, 1)])).rejects.toThrow(/at most 90.*E_CONTEXT/);
    await decoder.dispose();
    const bidirectional = tiny([attention(), attention({ causal: false })], {
      objective: { kind: "masked-diffusion" },
    });
    expect(() => new Decoder(native, bidirectional.model, { prefix: "x/" })).toThrow(/layers\[1\]\.mixer.*E_DECODE/);
  });

  test("stops between pieces when aborted", async () => {
    const decoder = await decoderOf(native, models["lstm"]!);
    await expect(decoder.prefill([text(5, 1)], { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow(
      "enough",
    );
    await decoder.dispose();
  });

  test("leaves nothing but parameters behind", async () => {
    const built = models["grouped queries"]!;
    const decoder = await decoderOf(native, built);
    await decoder.prefill([text(5, 1)]);
    await native.get(decoder.residents[0]!);
    await decoder.dispose();
    for (const name of decoder.residents) await expect(native.get(name)).rejects.toThrow(/E_RESIDENT/);
    await native.get([...built.model.parameters.keys()][0]!);
  });
});

describe("[kv-cache] live state bytes", () => {
  const native = engines["native"]!;
  const layers = 2;
  const [headSize, batch] = [4, 2];

  async function live(decoder: Decoder): Promise<number> {
    const values = await Promise.all(decoder.residents.map((name) => native.get(name)));
    return values.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  test.each([
    { name: "multi-head attention", heads: 4 },
    { name: "grouped queries", heads: 2 },
  ])("of $name are 2 · layers · heads · head size · tokens · 4 · batch", async ({ name, heads }) => {
    for (const tokens of [64, 4096]) {
      const decoder = await decoderOf(native, models[name]!, batch);
      await decoder.skipTo(tokens);
      const bytes = 2 * layers * heads * headSize * tokens * 4 * batch;
      expect(decoder.bytes()).toEqual({ used: bytes, allocated: bytes });
      expect(await live(decoder)).toBe(bytes);
      await decoder.dispose();
    }
  });

  test("of multi-query attention count one head, after a real prompt too", async () => {
    const decoder = await decoderOf(native, models["a single key head"]!, 1);
    await decoder.prefill([text(64, 1)]);
    expect(decoder.bytes().used).toBe(2 * headSize * 64 * 4);
    expect(await live(decoder)).toBe(2 * headSize * 64 * 4);
    await decoder.step(Int32Array.of(1));
    expect(decoder.bytes()).toEqual({ used: 2 * headSize * 65 * 4, allocated: 2 * headSize * 128 * 4 });
    expect(await live(decoder)).toBe(2 * headSize * 128 * 4);
    await decoder.dispose();
  });

  test("of a window are those of the window, of a recurrent model the same at any length", async () => {
    for (const [name, bytes] of [
      ["a window", 2 * 16 * (5 + 8) * 4],
      ["lstm", 2 * 16 * 4],
    ] as const)
      for (const tokens of [64, 4096]) {
        const decoder = await decoderOf(native, models[name]!);
        await decoder.skipTo(tokens);
        expect(decoder.bytes()).toEqual({ used: bytes, allocated: bytes });
        expect(await live(decoder)).toBe(bytes);
        await decoder.dispose();
      }
  });
});
