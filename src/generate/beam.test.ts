import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createReferenceEngine } from "../engine/index.ts";
import { initialise } from "../model/index.ts";
import { buildSpec, canonicalSpec } from "../spec/index.ts";
import { input } from "../tensor/index.ts";
import { evaluationIo, inputSource } from "../train/index.ts";
import { type BeamOptions, beamSearch } from "./beam.ts";
import { Decoder, logSoftmax, putParameters } from "./index.ts";

const vocabulary = 3;
const layers = [{ mixer: { kind: "attention", heads: 2, positions: { kind: "rope" } } }, { mixer: { kind: "lstm" } }];
const { model } = buildSpec(canonicalSpec({ name: "tiny", width: 8, layers }), { tokens: vocabulary });
const prompt = Int32Array.of(0, 2, 1, 1);
const engine = createReferenceEngine();

beforeAll(() =>
  putParameters(
    engine,
    model,
    new Map([...initialise(model, 2)].map(([path, value]) => [path, value.map((x) => 3 * x)])),
  ),
);
afterAll(() => engine.close());

async function search(width: number, options: Partial<BeamOptions>) {
  const decoder = new Decoder(engine, model, { batch: width, prefix: `beam.${width}/` });
  const found = await beamSearch(decoder, { prompt, tokens: 3, ...options });
  await decoder.dispose();
  return found;
}

/** Σ log p of every text of `length` tokens behind the prompt, by whole forwards. */
async function allTexts(length: number): Promise<{ tokens: number[]; logProb: number }[]> {
  const { logits } = model.forward(input("ids", [1, prompt.length + length], "i32"), {
    source: inputSource(),
    io: evaluationIo(),
  });
  const program = await engine.compile({ outputs: { logits } });
  const texts = [];
  for (let code = 0; code < vocabulary ** length; code++) {
    const tokens = Array.from({ length }, (_, i) => Math.floor(code / vocabulary ** i) % vocabulary);
    const scores = (await program.run({ ids: Int32Array.of(...prompt, ...tokens) }))["logits"] as Float64Array;
    const rowAt = (t: number) => logSoftmax(scores.subarray(t * vocabulary, (t + 1) * vocabulary));
    texts.push({ tokens, logProb: tokens.reduce((sum, token, i) => sum + rowAt(prompt.length - 1 + i)[token]!, 0) });
  }
  return texts.sort((a, b) => b.logProb - a.logProb);
}

describe("beam search", () => {
  test("[autoregressive-decode] with as many beams as there are texts is exhaustive search", async () => {
    const found = await search(vocabulary ** 3, { lengthPenalty: 0 });
    const expected = await allTexts(3);
    expect(found.map(({ tokens }) => Array.from(tokens))).toEqual(expected.map(({ tokens }) => tokens));
    found.forEach(({ logProb, score }, i) => {
      expect(logProb).toBeCloseTo(expected[i]!.logProb, 10);
      expect(score).toBe(logProb);
    });
  });

  test("[autoregressive-decode] is exhaustive also where texts end early, ranked by the length penalty", async () => {
    const stop = 1;
    const found = await search(vocabulary ** 3, { stop: [stop], lengthPenalty: 0.9 });
    const texts = await Promise.all([1, 2, 3].map(allTexts));
    const ends = texts.flatMap((list, i) =>
      list.filter(({ tokens }) => {
        const at = tokens.indexOf(stop);
        return at === -1 ? i === 2 : at === i;
      }),
    );
    const ranked = ends
      .map(({ tokens, logProb }) => ({
        tokens: tokens.filter((id) => id !== stop),
        score: logProb / ((5 + tokens.length) / 6) ** 0.9,
      }))
      .sort((a, b) => b.score - a.score);
    expect(found.map(({ tokens }) => Array.from(tokens))).toEqual(ranked.map(({ tokens }) => tokens));
    found.forEach(({ score }, i) => void expect(score).toBeCloseTo(ranked[i]!.score, 10));
  });

  test("one beam is greedy", async () => {
    const [best] = await search(1, { tokens: 8 });
    const decoder = new Decoder(engine, model, { prefix: "greedy/" });
    let [scores] = await decoder.prefill([prompt]);
    const greedy: number[] = [];
    while (greedy.length < 8) {
      const id = scores!.indexOf(Math.max(...scores!));
      greedy.push(id);
      [scores] = await decoder.step(Int32Array.of(id));
    }
    expect(Array.from(best!.tokens)).toEqual(greedy);
    await decoder.dispose();
  });

  test("more beams never find a less likely text than all texts hold, and few find a good one", async () => {
    const best = (await allTexts(4))[0]!;
    const [found] = await search(9, { tokens: 4, lengthPenalty: 0 });
    expect(found!.logProb).toBeLessThanOrEqual(best.logProb + 1e-12);
    expect(found!.logProb).toBeGreaterThan((await allTexts(4))[9]!.logProb);
  });

  test("abort ends the search", async () => {
    await expect(search(2, { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
  });
});
