import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Engine, Executable } from "../../engine/index.ts";
import { createRng, keptShares } from "../../ops/index.ts";
import type { BuiltModel } from "../../spec/index.ts";
import { createGenerator, type Generator, type GeneratorOptions } from "../index.ts";
import { argmax } from "../sampling/softmax.ts";
import { ancestral } from "./ancestral.ts";
import { begin, heldText, symbols, textLength, trainedOnCopies, wordLength } from "./copies.fixture.ts";
import { noiseOf } from "./noise.ts";
import { Predictor } from "./predictor.ts";
import { strides, uniformStep } from "./reverse-steps.ts";

type Trained = { engine: Engine; built: BuiltModel };
let [leftToRight, masked, noisy]: Trained[] = [];
beforeAll(async () => {
  leftToRight = await trainedOnCopies("next-token");
  masked = await trainedOnCopies("masked-diffusion");
  noisy = await trainedOnCopies("d3pm");
}, 60_000);
afterAll(async () => {
  for (const { engine } of [leftToRight!, masked!, noisy!]) await engine.close();
});

async function using<T>({ engine, built }: Trained, options: GeneratorOptions, work: (g: Generator) => Promise<T>) {
  const generator = createGenerator(engine, built, { context: textLength, ...options });
  try {
    return await work(generator);
  } finally {
    await generator.dispose();
  }
}

/** Share of the tokens of a gap from..to that are told, over 100 texts; what stands behind it is shown to those who look. */
async function told(trained: Trained, [from, to]: readonly [number, number]): Promise<number> {
  const ahead = trained === leftToRight;
  return await using(trained, {}, async (generator) => {
    let right = 0;
    for (let i = 0; i < 100; i++) {
      const text = heldText(i);
      const { tokens } = await generator.generate({
        prompt: ahead ? Int32Array.of(begin, ...text.subarray(0, from)) : text.slice(0, from),
        ...{ tokens: to - from, sampler: { temperature: 0 } },
        ...(!ahead && { suffix: text.slice(to) }),
      });
      right += tokens.filter((id, k) => id === text[from + k]).length;
    }
    return right / (to - from) / 100;
  });
}

describe("[bidirectional-context] filling a gap in a word that stands three times", () => {
  test("in the left half: diffusion reads it off the right half, left to right can only guess", async () => {
    const left = [0, wordLength] as const;
    for (const trained of [masked!, noisy!]) expect(await told(trained, left)).toBeGreaterThanOrEqual(0.95);
    // 400 guesses at 1/16 lie within four deviations of 0.0121 of it.
    expect(Math.abs((await told(leftToRight!, left)) - 1 / symbols)).toBeLessThan(0.05);
  });

  test("at the centre, where either side tells: no difference beyond noise", async () => {
    const centre = [wordLength, 2 * wordLength] as const;
    const shares = [await told(leftToRight!, centre), await told(masked!, centre), await told(noisy!, centre)];
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(0.98);
    expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(0.02);
  });

  test("a model that reads from left to right refuses a suffix", async () => {
    const request = { prompt: Int32Array.of(begin), tokens: 2, suffix: Int32Array.of(1) };
    await expect(using(leftToRight!, {}, (generator) => generator.generate(request))).rejects.toThrow(/E_SUFFIX/);
  });
});

/** The same engine, every run of a program counted. */
function counting(engine: Engine): { engine: Engine; runs(): number } {
  let count = 0;
  const counted = (executable: Executable): Executable =>
    new Proxy(executable, {
      get(target, key) {
        const value = Reflect.get(target, key, target);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          if (key === "run") count++;
          return Reflect.apply(value, target, args);
        };
      },
    });
  const own = new Proxy(engine, {
    get(target, key) {
      const value = Reflect.get(target, key, target);
      if (key === "compile")
        return async (...args: Parameters<Engine["compile"]>) => counted(await target.compile(...args));
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { engine: own, runs: () => count };
}

/** Passes through the model for a whole text, and the share of texts that hold one word three times. */
async function written({ engine, built }: Trained, options: GeneratorOptions) {
  const counter = counting(engine);
  const texts = 60;
  let [passes, whole] = [0, 0];
  await using({ engine: counter.engine, built }, options, async (generator) => {
    for (let seed = 0; seed < texts; seed++) {
      const before = counter.runs();
      const prompt = built === leftToRight!.built ? Int32Array.of(begin) : new Int32Array();
      const { tokens } = await generator.generate({ prompt, tokens: textLength, seed });
      whole += Number(tokens.every((id, i) => id === tokens[i % wordLength])) / texts;
      passes = Math.max(passes, counter.runs() - before);
    }
  });
  return { passes, whole };
}

describe("[parallel-decode-speed] passes through the model for a text of twelve tokens", () => {
  test("left to right takes one for each token, diffusion one for each denoising step", async () => {
    expect((await written(leftToRight!, {})).passes).toBe(textLength);
    for (const steps of [1, 3, 6, 12]) expect((await written(masked!, { steps })).passes).toBe(steps);
    expect((await written(masked!, { steps: 40, sampler: "ancestral" })).passes).toBeLessThanOrEqual(textLength);
  });

  test("fewer steps cost quality: the share of texts that are right rises with them to what left to right reaches", async () => {
    const shares: number[] = [];
    for (const steps of [1, 3, 6, 12]) shares.push((await written(masked!, { steps })).whole);
    expect(shares[0]).toBeLessThan(0.02);
    shares.slice(1).forEach((share, i) => void expect(share).toBeGreaterThanOrEqual(shares[i]!));
    expect(shares.at(-1)).toBeGreaterThanOrEqual(0.95);
    expect((await written(leftToRight!, {})).whole).toBeGreaterThanOrEqual(0.95);
  });
});

/** Refines texts of uniform noise in all their places at once, and says how far each step leaves them from rest. */
async function refined(rounds: number, count: number) {
  const { engine, built } = noisy!;
  const predictor = new Predictor(engine, built.model, { block: textLength, context: textLength });
  const kept = keptShares("reciprocal", rounds);
  const steps = strides(rounds, rounds).map(({ from, to }) => uniformStep({ from: kept[from]!, to: kept[to]! }));
  const residuals = new Array<number>(rounds + 1).fill(0);
  let whole = 0;
  for (let i = 0; i < count; i++) {
    const rng = createRng(7).fork(i);
    const text = Int32Array.from({ length: textLength }, () => rng.below(symbols));
    let round = 0;
    // A text is at rest where the model would leave every token of it: the residual is the share that it would change.
    const predict = async (ids: Int32Array) => {
      const scores = await predictor.predict(ids, { start: 0, end: textLength });
      const likeliest = ids.map((_, k) => argmax(scores.subarray(k * symbols, (k + 1) * symbols)));
      residuals[round++]! += ids.filter((id, k) => id !== likeliest[k]).length / textLength / count;
      return scores;
    };
    const options = { vocabulary: symbols, start: 0, block: textLength, temperature: 1, steps };
    for await (const _ of ancestral(text, predict, { ...options, noise: noiseOf(rng, symbols) }));
    await predict(text);
    whole += Number(text.every((id, k) => id === text[k % wordLength])) / count;
  }
  await predictor.dispose();
  return { residuals, whole };
}

test("[iterative-refinement] whole texts that are refined again and again come to rest, with more steps closer to it", async () => {
  const [one, few, many] = [await refined(1, 60), await refined(4, 60), await refined(32, 60)];
  const quarters = [0, 8, 16, 24, 32].map((step) => many.residuals[step]!);
  expect(quarters[0]).toBeGreaterThan(0.85);
  quarters.slice(1).forEach((residual, i) => void expect(residual).toBeLessThan(quarters[i]! - 0.03));
  const last = [one, few, many].map(({ residuals }) => residuals.at(-1)!);
  expect(last[1]).toBeLessThan(last[0]! * 0.75);
  expect(last[2]).toBeLessThan(last[1]! / 2);
  expect([one.whole < 0.1, few.whole < 0.4, many.whole > 0.6]).toEqual([true, true, true]);
});
