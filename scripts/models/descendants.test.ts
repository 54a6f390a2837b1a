import { describe, expect, test } from "vitest";
import type { Batches } from "../../src/data/index.ts";
import { parameterCount } from "../../src/model/index.ts";
import { type BuiltModel, buildSpec, canonicalSpec, loadSpec, type SpecInput } from "../../src/spec/index.ts";
import { nativeEngine } from "../../src/testing/index.ts";
import { createTraining, trainingSchema } from "../../src/train/index.ts";
import { readText, root } from "../source/files.ts";
import { publishedModels } from "./published.ts";
import { evaluate } from "./published-model.ts";

const engine = nativeEngine();

interface LayerInput {
  mixer: { kind: string } & Readonly<Record<string, unknown>>;
  channel: { kind: string } & Readonly<Record<string, unknown>>;
}

const count = ({ model }: BuiltModel): number => parameterCount(model.parameters);
const published = (name: string): BuiltModel =>
  buildSpec(loadSpec(`published/${name}`), { tokens: publishedModels[name]!.tokens });

const shape = { batch: 4, length: 16 };

/** The same rows in every step, as when epochs of one batch follow one another. */
function repeated(tokens: number): Batches {
  const inputs = Int32Array.from({ length: shape.batch * shape.length }, (_, i) => (3 * i + 1) % tokens);
  const targets = Int32Array.from(inputs, (id) => (id + 3) % tokens);
  return {
    shapes: [shape],
    position: (step) => ({ step }),
    resume: () => 0,
    batch: (step) => ({ arrays: { inputs, targets }, shape: 0, epoch: step }),
  };
}

async function lossesOf(built: BuiltModel, steps: number, learningRate: number): Promise<number[]> {
  const config = trainingSchema.parse({ ...shape, steps, optimizer: { kind: "sgd", learningRate } });
  const training = await createTraining(engine, built, { config, batches: repeated(12) });
  const records = await training.advanceBy(steps);
  await training.dispose();
  return records.map(({ loss }) => loss);
}

test("[roberta] 124.6M parameters, and the same text has other masks in every epoch", async () => {
  expect(count(published("roberta"))).toBe(124_696_665);
  const roberta = buildSpec(loadSpec("tiny/roberta"), { tokens: 12 });
  expect(roberta.model.spec.objective.kind).toBe("masked-lm");
  // Weights that do not move: what changes from epoch to epoch is the draw of the masks alone.
  const losses = await lossesOf(roberta, 4, 1e-12);
  expect(new Set(losses.map((loss) => loss.toFixed(4))).size).toBe(4);
  const still = await lossesOf(buildSpec(loadSpec("tiny/gpt-2"), { tokens: 12 }), 4, 1e-12);
  expect(new Set(still.map((loss) => loss.toFixed(4))).size).toBe(1);
});

test("[gpt-neo-125m] 125,198,592 parameters; global layers and layers of 256 tokens in turn", () => {
  const built = published("gpt-neo");
  expect(count(built)).toBe(125_198_592);
  expect(built.model.spec.layers.map(({ mixer }) => mixer["window"])).toEqual(
    Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? undefined : 256)),
  );
});

/** Width, layers, heads, ids and parameters of the suite. */
const pythia = {
  "70m": [512, 6, 8, 50_304, 70_426_624],
  "160m": [768, 12, 12, 50_304, 162_322_944],
  "410m": [1024, 24, 16, 50_304, 405_334_016],
  "1b": [2048, 16, 8, 50_304, 1_011_781_632],
  "1.4b": [2048, 24, 16, 50_304, 1_414_647_808],
  "2.8b": [2560, 32, 32, 50_304, 2_775_208_960],
  "6.9b": [4096, 32, 32, 50_432, 6_857_302_016],
  "12b": [5120, 36, 40, 50_688, 11_846_072_320],
} as const;

test.each(Object.entries(pythia))("[pythia] %s has the checkpoint's parameters, those of the formula", (_, size) => {
  const [width, repeat, heads, tokens, parameters] = size;
  const spec = JSON.parse(readText(root, "specs/published/pythia.json")) as SpecInput & { layers: [LayerInput] };
  const [{ mixer }] = spec.layers;
  const layer = { repeat, mixer: { ...mixer, heads }, channel: { kind: "mlp", hidden: 4 * width } };
  expect(count(buildSpec(canonicalSpec({ ...spec, width, layers: [layer] }), { tokens }))).toBe(parameters);
  expect(2 * tokens * width + repeat * (12 * width ** 2 + 13 * width) + 2 * width).toBe(parameters);
});

test("[phi-3-mini] 3,821,079,552 parameters, as many key heads as query heads, a window of 2047 tokens", () => {
  const built = published("phi-3");
  expect(count(built)).toBe(3_821_079_552);
  const { mixer } = built.model.spec.layers[0]!;
  expect([mixer["heads"], mixer["kvHeads"], mixer["window"]]).toEqual([32, undefined, 2047]);
});

test("[moe-glam-8b] GLaM 8B/64E: two of 64 experts leave 9.67B of 142.8B weights active, 9.8B in the paper", () => {
  const built = published("glam");
  const table = evaluate("256000·4096");
  expect(count(built)).toBe(143_860_998_144);
  const nets = evaluate("32·(4·4096² + 32·32) + 16·3·4096·16384 + (2·32 + 1)·2·4096");
  const experts = (chosen: number) => evaluate(`16·(4096·64 + ${chosen}·2·4096·16384)`);
  expect(count(built)).toBe(table + nets + experts(64));
  expect(built.model.activeParameters).toBe(table + nets + experts(2));
  // The paper's count of what acts on a token is nearest without the table, of which a token reads one row.
  expect(Math.abs((nets + experts(2)) / 9.8e9 - 1)).toBeLessThan(0.02);
});

/** What each of them has in place of the transformer's part; everything else is one spec. */
const contestants: Readonly<Record<string, Partial<LayerInput> & { loop?: { times: number } }>> = {
  transformer: {},
  switch: { channel: { kind: "moe", experts: 4, topK: 1, routing: "topk-of-softmax", expert: "mlp", hidden: 64 } },
  "universal transformer": { loop: { times: 3 } },
  performer: { mixer: { kind: "performer", heads: 4, causal: false } },
  mixer: { mixer: { kind: "token-mlp", maxTokens: shape.length } },
  "dynamic convolution": { mixer: { kind: "dynamic-conv", heads: 4, taps: 3, causal: false } },
  "lightweight convolution": {
    mixer: { kind: "dynamic-conv", heads: 4, taps: 3, kernel: "lightweight", causal: false },
  },
};

describe("[switch-ut-performer-mixer-dynconv] the contestants in one grid of widths and depths", () => {
  const cells = Object.keys(contestants).flatMap((name) => [32, 64].map((width) => ({ name, width })));
  const sizes = new Map<string, number>();

  test.each(cells)("$name, $width wide", async ({ name, width }) => {
    const { loop, ...parts } = contestants[name]!;
    const layer = {
      mixer: { kind: "attention", heads: 4, causal: false },
      channel: { kind: "mlp", hidden: 2 * width },
      ...parts,
    };
    const built = buildSpec(
      canonicalSpec({
        name: "contestant",
        width,
        embedding: { kind: "token", positions: { kind: "sinusoidal" } },
        layers: loop ? [layer] : [{ repeat: 3, ...layer }],
        ...(loop && { loop }),
        objective: { kind: "masked-lm" },
      } as SpecInput),
      { tokens: 12 },
    );
    sizes.set(`${name} ${width}`, count(built));
    const losses = await lossesOf(built, 3, 0.01);
    expect(losses.every((loss) => Number.isFinite(loss) && loss > 0)).toBe(true);
  });

  test("width makes each larger; one layer gone through three times has fewer parameters than three", () => {
    for (const name of Object.keys(contestants))
      expect(sizes.get(`${name} 64`)).toBeGreaterThan(sizes.get(`${name} 32`)!);
    expect(sizes.get("universal transformer 64")).toBeLessThan(sizes.get("transformer 64")!);
    expect(sizes.get("switch 64")).toBeGreaterThan(sizes.get("transformer 64")!);
  });
});
