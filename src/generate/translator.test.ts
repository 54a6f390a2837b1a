import { afterAll, describe, expect, test } from "vitest";
import { createReferenceEngine } from "../engine/index.ts";
import { initialise } from "../model/index.ts";
import { createRng } from "../ops/index.ts";
import { buildSpec, canonicalSpec, loadSpec } from "../spec/index.ts";
import { nativeEngine } from "../testing/index.ts";
import { alignmentOf, createTranslator, putParameters } from "./index.ts";

const tokens = 9;
const built = buildSpec(
  canonicalSpec({
    name: "pairs",
    width: 8,
    encoder: { layers: [{ mixer: { kind: "attention", heads: 2, causal: false } }] },
    layers: [{ mixer: { kind: "attention", heads: 2 }, cross: { kind: "cross-attention", heads: 2 }, repeat: 2 }],
    objective: { kind: "sequence-to-sequence" },
  }),
  { tokens },
);
const engine = createReferenceEngine();
afterAll(() => engine.close());
await putParameters(engine, built.model, initialise(built.model, 2));

const rng = createRng(4);
const sources = [3, 7, 1, 5, 4].map((length) => Int32Array.from({ length }, () => rng.below(tokens)));

describe("translating", () => {
  test("several sources side by side get the answers that each gets alone, in their order", async () => {
    const [many, one] = [2, 1].map((batch) => createTranslator(engine, built, { beams: 1, batch, extraTokens: 4 }));
    const together = await many!.translate(sources);
    expect(together).toHaveLength(5);
    for (const [i, source] of sources.entries()) {
      const [[alone]] = (await one!.translate([source])) as [[(typeof together)[0][0]]];
      expect(together[i]![0]!.tokens).toEqual(alone.tokens);
      expect(together[i]![0]!.logProb).toBeCloseTo(alone.logProb, 5);
      expect(alone.tokens.length).toBeLessThanOrEqual(source.length + 4);
    }
    await Promise.all([many!.dispose(), one!.dispose()]);
  });

  test("a beam's answers come best first, none worse than the greedy one", async () => {
    const [wide, greedy] = [4, 1].map((beams) =>
      createTranslator(engine, built, { beams, extraTokens: 3, lengthPenalty: 0 }),
    );
    const [best, alone] = [await wide!.translate(sources.slice(0, 2)), await greedy!.translate(sources.slice(0, 2))];
    for (const [i, answers] of best.entries()) {
      expect(answers.map(({ score }) => score)).toEqual(answers.map(({ score }) => score).sort((a, b) => b - a));
      expect(answers[0]!.logProb).toBeGreaterThanOrEqual(alone[i]![0]!.logProb - 1e-9);
    }
    await Promise.all([wide!.dispose(), greedy!.dispose()]);
  });

  test("the alignment of every layer has a row for each token of the answer and its end, each adding up to 1", async () => {
    const { layers } = await alignmentOf(engine, built, { source: sources[1]!, answer: Int32Array.of(1, 2, 3) });
    expect(layers.map((rows) => [rows.length, rows[0]!.length])).toEqual([
      [4, 7],
      [4, 7],
    ]);
    for (const rows of layers) for (const row of rows) expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 6);
  });

  test("a model whose decoder starts from the encoder's states, without attention, has no alignments", async () => {
    const states = buildSpec(loadSpec("tiny/seq2seq-2014"), { tokens });
    const asked = { source: sources[1]!, answer: Int32Array.of(1, 2, 3) };
    expect(await alignmentOf(nativeEngine(), states, asked)).toEqual({ layers: [] });
  });

  test("a model without an encoder is refused", () => {
    const plain = buildSpec(canonicalSpec({ name: "plain", width: 8, layers: [{ mixer: { kind: "lstm" } }] }), {
      tokens,
    });
    expect(() => createTranslator(engine, plain)).toThrow(/plain: .*E_TRANSLATE/);
  });
});
