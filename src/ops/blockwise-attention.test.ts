import { describe, expect, test } from "vitest";
import { grad, storedActivations } from "../grad/index.ts";
import { concat, constant, input, type Tensor, topological } from "../tensor/index.ts";
import {
  type Arrays,
  compileNative,
  evaluate,
  expectNaiveAgrees,
  expectNativeAgrees,
  expectSameFunction,
  flatten,
  type NdArray,
  nest,
  randomNormal,
  run,
  type Subject,
} from "../testing/index.ts";
import { causalMask, scaledDotProduct } from "./attention.ts";
import { type BlockwiseAttention, blockwiseAttention } from "./blockwise-attention.ts";

interface Sizes {
  T: number;
  H?: number;
  G?: number;
  K?: number;
  V?: number;
}

function inputsOf({ T, H = 4, G = 2, K = 6, V = 5 }: Sizes): Arrays {
  return {
    q: randomNormal("q", [2, H, T, K]),
    k: randomNormal("k", [2, G, T, K]),
    v: randomNormal("v", [2, G, T, V]),
  };
}

type Options = Omit<BlockwiseAttention, "q_BHTK" | "k_BGTK" | "v_BGTV" | "scale">;

const blockwise = (at: Readonly<Record<string, Tensor>>, options: Options) =>
  blockwiseAttention({ q_BHTK: at.q!, k_BGTK: at.k!, v_BGTV: at.v!, scale: 0.5, ...options });

const subject = (inputs: Arrays, options: Options): Subject => ({
  inputs,
  build: (at) => ({ y: blockwise(at, options).y_BHTV }),
});

/** All scores at once, with a mask of the whole matrix. */
function whole(inputs: Arrays, { causal, window }: { causal: boolean; window?: number }): Subject {
  const T = inputs.q!.shape[2]!;
  const visible = Array.from({ length: T * T }, (_, at) => {
    const distance = Math.floor(at / T) - (at % T);
    return (causal && distance < 0) || (window !== undefined && Math.abs(distance) >= window) ? 0 : 1;
  });
  const mask = constant(visible, [T, T], "bool");
  return { inputs, build: ({ q, k, v }) => ({ y: scaledDotProduct({ q: q!, k: k!, v: v! }, { scale: 0.5, mask }) }) };
}

describe("blocks of queries change nothing", () => {
  const inputs = inputsOf({ T: 13 });
  const kinds = [{ causal: true }, { causal: false }, { causal: true, window: 4 }, { causal: false, window: 3 }];
  for (const kind of kinds)
    for (const block of [1, 4, 5, 13, 20])
      test(`${JSON.stringify(kind)}, ${block} a block`, () => {
        expectSameFunction(subject(inputs, { ...kind, block }), whole(inputs, kind));
      });

  test("beside cached keys, padding and a bias", () => {
    const cache = { kOld: randomNormal("cached k", [2, 2, 5, 6]), vOld: randomNormal("cached v", [2, 2, 5, 5]) };
    const mask_BT = constant(
      Array.from({ length: 26 }, (_, i) => (i < 13 || i % 13 < 10 ? 1 : 0)),
      [2, 13],
      "bool",
    );
    const visible_BTC = constant([1, 1, 1, 0, 0, 1, 1, 1, 1, 1], [2, 1, 5], "bool");
    const slopes = constant(randomNormal("bias", [1, 4, 13, 18]).data, [1, 4, 13, 18]);
    const bias: NonNullable<BlockwiseAttention["bias"]> = (queries, keys) => {
      const rows = slopes.slice(2, queries.start, queries.end);
      return concat(3, [rows.slice(3, 0, 5), rows.slice(3, 5 + keys.start, 5 + keys.end)]);
    };
    const inBlocks = (options: Options): Subject => ({
      inputs: { ...inputs, ...cache },
      build: (at) => {
        const cached = { k_BGCK: at.kOld!, v_BGCV: at.vOld!, visible_BTC };
        return { y: blockwise(at, { ...options, cached, mask_BT, bias }).y_BHTV };
      },
    });
    for (const kind of kinds)
      for (const block of [3, 4]) expectSameFunction(inBlocks({ ...kind, block }), inBlocks({ ...kind, block: 13 }));
  });

  test("by default, where blocks of 64 and 128 begin", () => {
    for (const T of [128, 517]) {
      const long = inputsOf({ T, H: 2, G: 1, K: 2, V: 2 });
      expectSameFunction(subject(long, { causal: true }), whole(long, { causal: true }));
    }
  });

  test("weights are those of all keys, and of one query sum to 1", () => {
    const build =
      (block: number): Subject["build"] =>
      (at) => ({ weights: blockwise(at, { causal: true, block }).weights_BHTS });
    const blocks = run({ inputs, build: build(4) }).weights!;
    expect(blocks).toBeAllclose(run({ inputs, build: build(13) }).weights!, { tolerance: 1e-12 });
    for (let row = 0; row < blocks.data.length; row += 13)
      expect(blocks.data.subarray(row, row + 13).reduce((sum, w) => sum + w, 0)).toBeCloseTo(1, 12);
  });
});

describe("scores computed anew in the backward pass change nothing", () => {
  const inputs = inputsOf({ T: 13 });
  const kinds = [{ causal: true }, { causal: false }, { causal: true, window: 4 }, { causal: false, window: 3 }];
  for (const kind of kinds)
    for (const block of [1, 4, 5, 20])
      test(`${JSON.stringify(kind)}, ${block} a block`, () => {
        expectSameFunction(subject(inputs, { ...kind, block, recompute: true }), whole(inputs, kind));
      });

  test("nor do they to gradients of what blocks read beside queries, keys and values", () => {
    const more = { sink: randomNormal("sink", [4]), bias: randomNormal("bias", [1, 4, 13, 13]) };
    const mask_BT = constant(
      Array.from({ length: 26 }, (_, i) => (i < 13 || i % 13 < 10 ? 1 : 0)),
      [2, 13],
      "bool",
    );
    const withAll = (recompute: boolean): Subject => ({
      inputs: { ...inputs, ...more },
      build: (at) => {
        // Read by every block, and recorded before them.
        const doubled = at.bias!.mul(2);
        const bias: NonNullable<BlockwiseAttention["bias"]> = (queries, keys) =>
          doubled.slice(2, queries.start, queries.end).slice(3, keys.start, keys.end).add(at.q!.mean());
        const drop = (weights: Tensor, { start }: { start: number }) => weights.mul(1 + start / 10);
        return {
          y: blockwise(at, { causal: true, block: 4, mask_BT, sink_H: at.sink!, bias, drop, recompute }).y_BHTV,
        };
      },
    });
    expectSameFunction(withAll(true), withAll(false));
  });

  test("on the native engine either, the output to the bit", async () => {
    const outputsOf = async (recompute: boolean) => {
      const leaves = inputsToLeaves(inputs);
      const y = blockwise(leaves, { causal: true, block: 4, recompute, drop: (weights) => weights }).y_BHTV;
      const [q, k, v] = grad(y.square().sum(), [leaves.q!, leaves.k!, leaves.v!]);
      const program = await compileNative({ y, q: q!, k: k!, v: v! }, inputs);
      const values = await program.run();
      await program.dispose();
      return values;
    };
    const [anew, kept] = [await outputsOf(true), await outputsOf(false)];
    for (const name of ["y", "q", "k", "v"]) expect(anew[name]!).toBeAllclose(kept[name]!, { tolerance: 1e-6 });
    expect(anew.y!.data).toEqual(kept.y!.data);
  });

  test("but what lies between the passes: it grows with the length, not with its square", () => {
    const bytesAt = (T: number, recompute: boolean) => {
      const leaves = inputsToLeaves(inputsOf({ T }));
      const loss = blockwise(leaves, { causal: true, block: 16, recompute }).y_BHTV.square().sum();
      const gradients = grad(loss, Object.values(leaves));
      return storedActivations([loss], { gradients, parameters: [] }).reduce((sum, t) => sum + t.bytes, 0);
    };
    expect(bytesAt(256, true)).toBe(2 * bytesAt(128, true));
    expect(bytesAt(256, false)).toBeGreaterThan(3 * bytesAt(128, false));
  });

  test("by default beyond 4096 queries", () => {
    const isRecomputed = (T: number) => {
      const leaf = (name: string) => input(name, [1, 1, T, 2]);
      return blockwise({ q: leaf("q"), k: leaf("k"), v: leaf("v") }, { causal: true }).y_BHTV.node.op === "custom";
    };
    expect([4096, 4097].map(isRecomputed)).toEqual([false, true]);
  });
});

const inputsToLeaves = (inputs: Arrays) =>
  Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, input(name, shape)]));

test("keys hidden from a whole block are not computed", () => {
  const leaf = (name: string) => input(name, [1, 1, 512, 8]);
  const { y_BHTV } = blockwise({ q: leaf("q"), k: leaf("k"), v: leaf("v") }, { causal: true });
  const elements = topological([y_BHTV])
    .filter((node) => node.op === "softmax")
    .reduce((sum, node) => sum + node.outputs[0]!.size, 0);
  expect(elements).toBe(128 * (128 + 256 + 384 + 512));
});

test("no tensor has all scores of a long input", () => {
  for (const causal of [true, false]) {
    const leaf = (name: string) => input(name, [1, 1, 4096, 8]);
    const { y_BHTV } = blockwise({ q: leaf("q"), k: leaf("k"), v: leaf("v") }, { causal });
    for (const node of topological([y_BHTV]))
      for (const t of node.outputs) expect(t.size).toBeLessThanOrEqual(4096 * 256);
  }
});

test("beyond 2048 keys the mask is added to the diagonal only, with the same result", async () => {
  const inputs = {
    q: randomNormal("q", [1, 2, 2200, 4]),
    k: randomNormal("k", [1, 1, 2200, 4]),
    v: randomNormal("v", [1, 1, 2200, 3]),
  };
  const leaves = Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, input(name, shape)]));
  const all = scaledDotProduct(
    { q: leaves.q!, k: leaves.k!, v: leaves.v! },
    { scale: 0.5, mask: causalMask(2200, 2200) },
  );
  const program = await compileNative({ blocks: blockwise(leaves, { causal: true }).y_BHTV, all }, inputs);
  const { blocks, all: expected } = await program.run();
  await program.dispose();
  expect(blocks!).toBeAllclose(expected!, { tolerance: 1e-5 });
});

test("a query that sees no key gets zeros, and has no gradient", () => {
  const inputs = inputsOf({ T: 5 });
  const mask_BT = constant([0, 0, 1, 1, 1, 0, 0, 0, 0, 0], [2, 5], "bool");
  const { outputs, gradients } = evaluate(subject(inputs, { causal: true, mask_BT }));
  const isZero = ({ data }: NdArray, row: number) => {
    const width = data.length / 40;
    return data.subarray(row * width, (row + 1) * width).every((value) => value === 0);
  };
  for (let row = 0; row < 40; row++) {
    const unseeing = row >= 20 || row % 5 < 2;
    expect(isZero(outputs.y!, row)).toBe(unseeing);
    // The first query that sees one key has a weight of 1 whatever its score.
    expect(isZero(gradients.q!, row)).toBe(unseeing || row % 5 === 2);
  }
});

test("[sdpa] softmax(QKᵀ/√d)V is the triple loop with the same gradients, and each query's weights sum to 1", async () => {
  const inputs = inputsOf({ T: 5, G: 4, K: 4 });
  const attend = {
    inputs,
    build: ({ q, k, v }: Readonly<Record<string, Tensor>>) => ({ y: scaledDotProduct({ q: q!, k: k!, v: v! }) }),
  };
  const blocked: Subject = {
    inputs,
    build: ({ q, k, v }) => ({
      y: blockwiseAttention({ q_BHTK: q!, k_BGTK: k!, v_BGTV: v!, scale: 0.5, causal: false, block: 2 }).y_BHTV,
    }),
  };
  for (const form of [attend, blocked]) expectNaiveAgrees(form, { naive: tripleLoop, smooth: "everywhere" });
  await expectNativeAgrees(blocked);
  const weights = run({ inputs, build: (at) => ({ w: blockwise(at, { causal: false }).weights_BHTS }) }).w!;
  for (let row = 0; row < weights.data.length; row += 5)
    expect(weights.data.subarray(row, row + 5).reduce((sum, w) => sum + w, 0)).toBeCloseTo(1, 12);
});

/** Vaswani et al. 2017, eq. 1, with K = 4. */
function tripleLoop(inputs: Arrays): Arrays {
  const [q, k, v] = [nest(inputs.q!), nest(inputs.k!), nest(inputs.v!)];
  const y = q.map((batch, b) =>
    batch.map((head, h) =>
      head.map((query) => {
        const scores = k[b]![h]!.map((key) => Math.exp(query.reduce((sum, value, i) => sum + value * key[i]!, 0) / 2));
        const total = scores.reduce((sum, value) => sum + value, 0);
        return v[b]![h]![0]!.map((_, i) =>
          scores.reduce((sum, score, j) => sum + (score / total) * v[b]![h]![j]![i]!, 0),
        );
      }),
    ),
  );
  return { y: flatten(y) };
}
