import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createNodeEngine, createReferenceEngine, type Engine } from "../engine/index.ts";
import { initialise } from "../model/index.ts";
import { type BuiltModel, buildSpec, canonicalSpec } from "../spec/index.ts";
import { input } from "../tensor/index.ts";
import { evaluationIo, inputSource } from "../train/index.ts";
import { createGenerator, type GenerationRequest, type Generator, logSoftmax, putParameters } from "./index.ts";

const vocabulary = 13;
const attention = { kind: "attention", heads: 2, positions: { kind: "rope" } };
const layers = [
  { mixer: { kind: "gated-deltanet", heads: 2 } },
  { mixer: { ...attention, window: 20 } },
  { mixer: attention },
];
const built = buildSpec(canonicalSpec({ name: "tiny", width: 16, layers, head: { kind: "lm", tied: false } }), {
  tokens: vocabulary,
});
const limited = buildSpec(
  canonicalSpec({
    name: "short",
    width: 16,
    layers: [{ mixer: attention }],
    embedding: { kind: "token", positions: { kind: "learned", max: 24 } },
  }),
  { tokens: vocabulary },
);

/** Parameters larger than at the start of training, so that tokens differ in probability. */
function loudParameters({ model }: BuiltModel): Map<string, Float32Array> {
  return new Map(
    [...initialise(model, 8)].map(([path, value]) => [
      path,
      value.map((x) => (/embedding|head/.test(path) ? 40 : 1.5) * x),
    ]),
  );
}

const prompt = Int32Array.from({ length: 21 }, (_, i) => (i * i + 3) % vocabulary);
const engines: Record<string, Engine> = {
  reference: createReferenceEngine(),
  native: createNodeEngine({ threads: 1 }),
};
beforeAll(async () => {
  for (const engine of Object.values(engines)) await putParameters(engine, built.model, loudParameters(built));
});
afterAll(() => Promise.all(Object.values(engines).map((engine) => engine.close())));

async function withGenerator<T>(
  use: (generator: Generator) => Promise<T>,
  engine = engines["native"]!,
  model = built,
): Promise<T> {
  const generator = createGenerator(engine, model);
  try {
    return await use(generator);
  } finally {
    await generator.dispose();
  }
}

const write = (request: Partial<GenerationRequest>, engine?: Engine) =>
  withGenerator((generator) => generator.generate({ prompt, tokens: 30, ...request }), engine);

/** Log-probabilities behind a text, read as a whole. */
async function scoresBehind(engine: Engine, ids: readonly number[]): Promise<Float64Array> {
  const { logits } = built.model.forward(input("ids", [1, ids.length], "i32"), {
    source: inputSource(),
    io: evaluationIo(),
  });
  const program = await engine.compile({ outputs: { last: logits.at(1, -1) } });
  const { last } = await program.run({ ids: Int32Array.from(ids) });
  await program.dispose();
  return logSoftmax(last!);
}

describe("generation from left to right", () => {
  test.each(["reference", "native"])(
    "[autoregressive-decode] greedy text is the argmax of the whole forward, again and again (%s)",
    async (name) => {
      const { tokens } = await write({ sampler: { temperature: 0 } }, engines[name]!);
      const ids = Array.from(prompt);
      for (const token of tokens) {
        const scores = await scoresBehind(engines[name]!, ids);
        expect(token).toBe(scores.indexOf(Math.max(...scores)));
        ids.push(token);
      }
      expect(new Set(tokens).size).toBeGreaterThan(1);
    },
  );

  test("[autoregressive-decode] temperature → 0 is greedy, and top-k 1 too", async () => {
    const { tokens } = await write({ sampler: { temperature: 0 } });
    for (const sampler of [{ temperature: 1e-6 }, { temperature: 1, topK: 1 }])
      expect((await write({ sampler, seed: 5 })).tokens).toEqual(tokens);
  });

  test("the same seed gives the same text, another seed another", async () => {
    const sampler = { temperature: 1.5 };
    const [first, again, other] = [
      await write({ sampler, seed: 7 }),
      await write({ sampler, seed: 7 }),
      await write({ sampler, seed: 8 }),
    ];
    expect(again.tokens).toEqual(first.tokens);
    expect(other.tokens).not.toEqual(first.tokens);
  });

  test("a longer text begins with the shorter one, and one generator repeats itself", async () => {
    await withGenerator(async (generator) => {
      const long = await generator.generate({ prompt, tokens: 40, seed: 3 });
      const short = await generator.generate({ prompt, tokens: 9, seed: 3 });
      expect(short.tokens).toEqual(long.tokens.subarray(0, 9));
    });
  });

  test("tokens stream as they come, with the result at the end", async () => {
    await withGenerator(async (generator) => {
      const told: number[] = [];
      const stream = generator.stream({ prompt, tokens: 6, onToken: (id) => void told.push(id) });
      const streamed: number[] = [];
      let next = await stream.next();
      for (; !next.done; next = await stream.next()) {
        streamed.push(next.value);
        expect(told).toEqual(streamed);
      }
      expect(Array.from(next.value.tokens)).toEqual(streamed);
      expect(next.value.timing.prefillMs).toBeGreaterThan(0);
      expect(next.value.timing.tokensPerS).toBeGreaterThan(0);
    });
  });

  test("a stop token ends the text and is not part of it", async () => {
    const { tokens } = await write({ seed: 3 });
    const end = tokens[4]!;
    const stopped = await write({ seed: 3, stop: [end] });
    expect(stopped.tokens).toEqual(tokens.subarray(0, tokens.indexOf(end)));
  });

  test("abort ends the text, and the generator can write again", async () => {
    await withGenerator(async (generator) => {
      const controller = new AbortController();
      const told: number[] = [];
      const onToken = (id: number) => {
        told.push(id);
        if (told.length === 3) controller.abort(new Error("enough"));
      };
      await expect(generator.generate({ prompt, tokens: 50, onToken, signal: controller.signal })).rejects.toThrow(
        "enough",
      );
      expect(told).toHaveLength(3);
      expect((await generator.generate({ prompt, tokens: 3 })).tokens).toEqual(Int32Array.from(told));
    });
  });

  test("leaving a stream early frees the generator", async () => {
    await withGenerator(async (generator) => {
      for await (const _ of generator.stream({ prompt, tokens: 50 })) break;
      expect((await generator.generate({ prompt, tokens: 2 })).tokens).toHaveLength(2);
    });
  });

  test("an empty prompt begins behind the start token", async () => {
    const engine = engines["native"]!;
    const generator = createGenerator(engine, built, { start: 4 });
    const { tokens } = await generator.generate({ prompt: new Int32Array(), tokens: 8 });
    expect(tokens).toEqual((await generator.generate({ prompt: Int32Array.of(4), tokens: 8 })).tokens);
    await generator.dispose();
  });

  test("generators in one engine do not disturb each other", async () => {
    const alone = await write({ seed: 1 });
    const [a, b] = [createGenerator(engines["native"]!, built), createGenerator(engines["native"]!, built)];
    const results = await Promise.all([
      a.generate({ prompt, tokens: 30, seed: 1 }),
      b.generate({ prompt: prompt.subarray(3), tokens: 30, seed: 2 }),
    ]);
    expect(results[0].tokens).toEqual(alone.tokens);
    await a.dispose();
    expect((await b.generate({ prompt, tokens: 30, seed: 1 })).tokens).toEqual(alone.tokens);
    await b.dispose();
  });

  test("draws follow the model's probabilities", async () => {
    const scores = await scoresBehind(engines["reference"]!, Array.from(prompt));
    const counts = new Array<number>(vocabulary).fill(0);
    const draws = 400;
    await withGenerator(async (generator) => {
      for (let seed = 0; seed < draws; seed++)
        counts[(await generator.generate({ prompt, tokens: 1, seed })).tokens[0]!]!++;
    });
    const variation = scores.reduce((sum, score, id) => sum + Math.abs(Math.exp(score) - counts[id]! / draws), 0) / 2;
    expect(variation).toBeLessThan(0.12);
  });

  test("requests that cannot be served are refused", async () => {
    await withGenerator(async (generator) => {
      await expect(generator.generate({ prompt, tokens: 0 })).rejects.toThrow(/E_TOKENS/);
      await expect(generator.generate({ prompt: Int32Array.of(vocabulary), tokens: 1 })).rejects.toThrow(
        /ids from 0 to 12.*got 13.*E_PROMPT/,
      );
      const running = generator.generate({ prompt, tokens: 4 });
      await expect(generator.generate({ prompt, tokens: 4 })).rejects.toThrow(/E_BUSY/);
      expect((await running).tokens).toHaveLength(4);
    });
  });

  test("positions that end are filled to the last and not beyond", async () => {
    const engine = createNodeEngine({ threads: 1 });
    await putParameters(engine, limited.model, initialise(limited.model, 1));
    await withGenerator(
      async (generator) => {
        expect((await generator.generate({ prompt, tokens: 4 })).tokens).toHaveLength(4);
        await expect(generator.generate({ prompt, tokens: 5 })).rejects.toThrow(/at most 24 .*got 25.*E_CONTEXT/);
      },
      engine,
      limited,
    );
    await engine.close();
  });

  test("parameters must be whole", async () => {
    const values = loudParameters(built);
    const [path] = values.keys();
    values.set(path!, new Float32Array(3));
    await expect(putParameters(engines["native"]!, built.model, values)).rejects.toThrow(/E_PARAMETER/);
    values.delete(path!);
    await expect(putParameters(engines["native"]!, built.model, values)).rejects.toThrow(/nothing.*E_PARAMETER/);
  });
});
