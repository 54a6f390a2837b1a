import { describe, expect, test } from "vitest";
import { compileReference, countFlops } from "../engine/index.ts";
import { createRng, randomStream } from "../ops/index.ts";
import { buildSpec, canonicalSpec, type SpecInput } from "../spec/index.ts";
import { input, type Tensor } from "../tensor/index.ts";
import { nativeEngine } from "../testing/index.ts";
import { modelSuite } from "../testing/model-suite.ts";
import { createTraining, evaluationIo, inputSource, trainingSchema } from "../train/index.ts";
import { initialise, type Model, type ModelResult } from "./index.ts";
import { keptTokens } from "./route.ts";

const [tokens, width, T, B] = [7, 8, 10, 3];
const attention = { kind: "attention", heads: 2, positions: { kind: "rope" } } as const;
const transformer = { mixer: attention, channel: { kind: "mlp" } } as const;
type Route = NonNullable<SpecInput["route"]>;

const modelOf = (route?: Route, { layer = transformer, depth = 4 }: { layer?: object; depth?: number } = {}): Model => {
  const layers = [{ ...layer, repeat: depth }] as unknown as SpecInput["layers"];
  return buildSpec(canonicalSpec({ name: "route", width, layers, ...(route && { route }) }), { tokens }).model;
};

const key = { seed: input("seed", [], "u32"), step: input("step", [], "u32") };
const trainingIo = { mode: "train", rng: (path: string) => randomStream({ ...key, path }) } as const;
const ids = Int32Array.from({ length: B * T }, (_, i) => createRng(i).below(tokens));

function evaluate(model: Model, read: (result: ModelResult) => Tensor[], mode: "train" | "eval" = "train") {
  const io = mode === "train" ? trainingIo : evaluationIo();
  const result = model.forward(input("ids", [B, T], "i32"), { source: inputSource(), io });
  const feeds = { ids, seed: Uint32Array.of(4), step: Uint32Array.of(0), ...Object.fromEntries(initialise(model, 1)) };
  return compileReference(read(result)).run(feeds);
}

const streamAt = (layer: number) => (result: ModelResult) => [
  result.probes[`layers.${layer}.stream`]!,
  result.probes["route.kept"]!,
];

const middle = { from: 1, to: 2, ratio: 0.4 } as const;

describe("a model with a route", () =>
  modelSuite(
    canonicalSpec({ name: "route", width, layers: [{ ...transformer, repeat: 3 }], route: { from: 1, to: 1 } }),
  ));

describe("tokens that go around layers", () => {
  test("[token-router-tread] ratio 0 and evaluation are the plain stack, bit for bit", () => {
    const plain = evaluate(modelOf(), ({ logits }) => [logits])[0]!;
    expect(evaluate(modelOf({ ...middle, ratio: 0 }), ({ logits }) => [logits])[0]).toEqual(plain);
    expect(evaluate(modelOf(middle), ({ logits }) => [logits], "eval")[0]).toEqual(plain);
    expect(evaluate(modelOf(middle), ({ logits }) => [logits])[0]).not.toEqual(plain);
  });

  test.each([
    ["a transformer", transformer],
    ["mamba-2", { mixer: { kind: "mamba-2", heads: 2, state: 4 } }],
  ] as const)(
    "[token-router-tread] %s: tokens left out come back with their bits, the others are changed",
    (_, layer) => {
      const model = modelOf(middle, { layer });
      const [before] = evaluate(model, streamAt(0));
      const [after, places] = evaluate(model, streamAt(2));
      const kept = keptTokens(middle, T);
      expect(kept).toBe(6);
      for (let b = 0; b < B; b++) {
        const on = [...places!.slice(b * kept, (b + 1) * kept)];
        expect(on).toEqual([...new Set(on)].toSorted((x, y) => x - y));
        for (let t = 0; t < T; t++) {
          const at = (stream: Float64Array) => stream.slice((b * T + t) * width, (b * T + t + 1) * width);
          if (on.includes(t)) expect(at(after!)).not.toEqual(at(before!));
          else expect(at(after!)).toEqual(at(before!));
        }
      }
    },
  );

  test("[token-router-tread] products cost what the plain stack does, less those of the tokens left out in the layers between", () => {
    const costOf = (model: Model, length: number) => {
      const result = model.forward(input("ids", [B, length], "i32"), { source: inputSource(), io: trainingIo });
      return countFlops([result.logits]).matmul;
    };
    const layerCost = (length: number) =>
      costOf(modelOf(undefined, { depth: 2 }), length) - costOf(modelOf(undefined, { depth: 1 }), length);
    const saved = 2 * (layerCost(T) - layerCost(keptTokens(middle, T)));
    expect(saved).toBeGreaterThan(0);
    expect(costOf(modelOf(middle), T)).toBe(costOf(modelOf(), T) - saved);
  });

  test("[token-router-tread] kept tokens see each other at their own positions: a route of equal keys is the stack of those tokens alone", () => {
    const model = modelOf({ from: 0, to: 3, ratio: 0.4 });
    const [stream, places] = evaluate(model, streamAt(3));
    const kept = keptTokens(middle, T);
    const alone = modelOf();
    const positions_BT = input("positions", [B, kept], "i32");
    const { probes } = alone.forward(input("ids", [B, kept], "i32"), {
      source: inputSource(),
      io: { ...evaluationIo(), positions_BT },
    });
    const own = Int32Array.from(places!, (place, i) => ids[Math.floor(i / kept) * T + place]!);
    const feeds = { ids: own, positions: Int32Array.from(places!), ...Object.fromEntries(initialise(alone, 1)) };
    const [expected] = compileReference([probes["layers.3.stream"]!]).run(feeds);
    places!.forEach((place, i) => {
      const row = (Math.floor(i / kept) * T + place) * width;
      for (let d = 0; d < width; d++) expect(stream![row + d]).toBeCloseTo(expected![i * width + d]!, 10);
    });
  });

  test("it trains on the native engine, with other tokens at every step", async () => {
    const spec = canonicalSpec({
      name: "route",
      width,
      layers: [{ ...transformer, repeat: 3 }],
      route: { from: 1, to: 1 },
    });
    const corpus = Int32Array.from({ length: 400 }, (_, i) => (i * i) % tokens);
    const config = trainingSchema.parse({
      ...{ batch: 8, length: 12, steps: 60 },
      optimizer: { kind: "adamw", learningRate: 0.01 },
    });
    const training = await createTraining(nativeEngine(), buildSpec(spec, { tokens }), { ids: corpus, config });
    const losses: number[] = [];
    while (losses.length < config.steps) losses.push((await training.advance()).loss);
    await training.dispose();
    expect(losses.at(-1)).toBeLessThan(0.8 * losses[0]!);
  });

  test("what cannot go around is refused", () => {
    expect(() => modelOf({ from: 2, to: 4 })).toThrow(
      /from ≤ to < 4, the number of layers, got from 2 to 4\. \[E_SPEC_ROUTE\]/,
    );
    const history = { kind: "dense" } as const;
    expect(() => canonicalSpec({ name: "r", width, layers: [transformer], route: middle, history })).toThrow(
      /history: expected none beside a route, got one\. \[E_SPEC_ROUTE\]$/,
    );
    expect(() => modelOf(middle, { layer: { mixer: { kind: "token-mlp", maxTokens: T } } })).toThrow(
      /token-mlp.*E_SPEC_ROUTE/,
    );
  });
});
