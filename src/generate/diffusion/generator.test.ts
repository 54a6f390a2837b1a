import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createNodeEngine, createReferenceEngine } from "../../engine/index.ts";
import { initialise } from "../../model/index.ts";
import { buildSpec, canonicalSpec } from "../../spec/index.ts";
import { input } from "../../tensor/index.ts";
import { evaluationIo, inputSource } from "../../train/index.ts";
import { createGenerator, type GenerationRequest, type GeneratorOptions, putParameters, softmax } from "../index.ts";
import { windowOf } from "./predictor.ts";

const tokens = 9;
const mixer = { kind: "attention", heads: 2, causal: false, positions: { kind: "rope" } };
const spec = {
  name: "tiny",
  width: 16,
  layers: [{ mixer }, { mixer }],
  head: { kind: "lm", tied: false },
  objective: { kind: "masked-diffusion", block: 6, steps: 3 },
};
const built = buildSpec(canonicalSpec(spec), { tokens });
const mask = built.extraTokens["mask"]!;
const prompt = Int32Array.of(3, 1, 4, 1, 5, 8, 2);
const [reference, native] = [createReferenceEngine(), createNodeEngine({ threads: 1 })];

beforeAll(async () => {
  const loud = new Map(
    [...initialise(built.model, 1)].map(([path, value]) => [
      path,
      value.map((x) => (/embedding|head/.test(path) ? 40 : 4) * x),
    ]),
  );
  for (const engine of [reference, native]) await putParameters(engine, built.model, loud);
});
afterAll(() => Promise.all([reference.close(), native.close()]));

async function write(
  request: Partial<GenerationRequest> = {},
  { engine = native, ...options }: GeneratorOptions & { engine?: typeof native } = {},
) {
  const generator = createGenerator(engine, built, options);
  try {
    return await generator.generate({ prompt, tokens: 12, ...request });
  } finally {
    await generator.dispose();
  }
}

/** Probabilities of all ids but the mask at every place of a text, without window, padding or bucket: [L][C]. */
async function probabilities(ids: Int32Array): Promise<Float64Array[]> {
  const { logits } = built.model.forward(input("ids", [1, ids.length], "i32"), {
    source: inputSource(),
    io: evaluationIo(),
  });
  const program = await reference.compile({ outputs: { logits } });
  const all = (await program.run({ ids }))["logits"] as Float64Array;
  return Array.from(ids, (_, i) =>
    softmax(all.subarray(i * built.model.vocabulary, i * built.model.vocabulary + mask)),
  );
}

/** Algorithm 5 of the paper by loops: blocks of 6, three steps of two tokens each. */
async function naive(length: number): Promise<Int32Array> {
  const ids = Int32Array.of(...prompt, ...new Array<number>(length).fill(mask));
  for (let start = prompt.length; start < ids.length; start += 6)
    for (let step = 0; step < 3; step++) {
      const p = await probabilities(ids);
      const open = [0, 1, 2, 3, 4, 5].map((i) => start + i).filter((place) => ids[place] === mask);
      const sure = (place: number) => Math.max(...p[place]!);
      for (const place of open.sort((a, b) => sure(b) - sure(a)).slice(0, 2))
        ids[place] = p[place]!.indexOf(sure(place));
    }
  return ids.subarray(prompt.length);
}

describe("text by denoising", () => {
  test("[llada-sampler] at temperature 0 is the paper's algorithm over whole forwards", async () => {
    const expected = await naive(12);
    expect((await write({ sampler: { temperature: 0 } }, { engine: reference })).tokens).toEqual(expected);
    expect((await write({ sampler: { temperature: 0 } })).tokens).toEqual(expected);
    expect(new Set(expected).size).toBeGreaterThan(2);
  });

  test("depends on the seed where there is a temperature, and on nothing else", async () => {
    const sampler = { temperature: 4 };
    const [first, again, other] = [
      await write({ seed: 1, sampler }),
      await write({ seed: 1, sampler }),
      await write({ seed: 2, sampler }),
    ];
    expect(again.tokens).toEqual(first.tokens);
    expect(other.tokens).not.toEqual(first.tokens);
    expect((await write({ sampler: { temperature: 0 }, seed: 1 })).tokens).toEqual(
      (await write({ sampler: { temperature: 0 }, seed: 2 })).tokens,
    );
  });

  test("never holds the mask, and begins with nothing where the prompt is empty", async () => {
    for (let seed = 0; seed < 5; seed++) {
      const { tokens: written } = await write({
        seed,
        prompt: new Int32Array(),
        tokens: 20,
        sampler: { temperature: 2 },
      });
      expect(written).toHaveLength(20);
      expect(written.every((id) => id >= 0 && id < mask)).toBe(true);
    }
  });

  test("comes in whole blocks, may end anywhere, and ends at a stop token", async () => {
    const told: number[] = [];
    const { tokens: written, timing } = await write({ tokens: 10, onToken: (id) => void told.push(id) });
    expect(Array.from(written)).toEqual(told);
    expect(written).toHaveLength(10);
    expect(timing.prefillMs).toBeGreaterThan(0);
    expect(timing.tokensPerS).toBeGreaterThan(0);
    const end = written[2]!;
    expect((await write({ tokens: 10, stop: [end] })).tokens).toEqual(written.subarray(0, written.indexOf(end)));
  });

  test("sees the last tokens of its context only", async () => {
    const long = Int32Array.from({ length: 40 }, (_, i) => (i * 7) % tokens);
    const options = { context: 16 };
    const request = { tokens: 6, sampler: { temperature: 0 } };
    const seen = await write({ ...request, prompt: long }, options);
    const changed = long.map((id, i) => (i < 30 ? (id + 1) % tokens : id));
    expect((await write({ ...request, prompt: changed }, options)).tokens).toEqual(seen.tokens);
    expect((await write({ ...request, prompt: long.subarray(30) }, options)).tokens).toEqual(seen.tokens);
    expect(
      (
        await write(
          { ...request, prompt: long.map((id, i) => (i === 32 ? (id + 1) % tokens : id)), seed: 1 },
          { context: 512 },
        )
      ).tokens,
    ).toHaveLength(6);
  });

  test("guidance by the prompt changes the text, and none leaves it", async () => {
    const plain = await write({ sampler: { temperature: 0 } });
    expect((await write({ sampler: { temperature: 0 } }, { guidance: 0 })).tokens).toEqual(plain.tokens);
    expect((await write({ sampler: { temperature: 0 } }, { guidance: 4 })).tokens).not.toEqual(plain.tokens);
  });

  test("abort ends it between two steps", async () => {
    const controller = new AbortController();
    await expect(
      write({ tokens: 30, onToken: () => controller.abort(new Error("enough")), signal: controller.signal }),
    ).rejects.toThrow("enough");
  });

  test("a prompt must not hold the mask", async () => {
    await expect(write({ prompt: Int32Array.of(1, mask) })).rejects.toThrow(/E_PROMPT/);
  });
});

describe("the window that a model is shown", () => {
  const ids = Int32Array.from({ length: 20 }, (_, i) => i);
  const edges = (end: number, context: number) => {
    const window = windowOf(ids, { end, context });
    return [window.start, window.start + window.ids.length];
  };

  test("is everything where that fits, else the beginning, then what ends with the block", () => {
    expect(edges(8, 32)).toEqual([0, 20]);
    expect(edges(8, 16)).toEqual([0, 16]);
    expect(edges(16, 16)).toEqual([0, 16]);
    expect(edges(18, 16)).toEqual([2, 18]);
  });
});
