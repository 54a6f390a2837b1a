/** Additive and bilinear scores of `attention` against loops and against scaled products. */
import { expect, test } from "vitest";
import { sizeOf, type Tensor } from "../../tensor/index.ts";
import { type Arrays, gradCheck, type NdArray, randomNormal, run, weightsFrom } from "../../testing/index.ts";
import { evaluateNative } from "../../testing/native.ts";
import { contextOf, plainIo, testedPart, withPrefix } from "../../testing/part.ts";
import type { Mixer } from "../define.ts";
import { attention } from "./attention.ts";
import { scoreOf } from "./attention-scores.ts";

type Options = Readonly<Record<string, unknown>>;
const mixer = attention as unknown as Mixer;
const partOf = (options: Options, width: number) => testedPart(mixer, options, (c) => mixer.dims(c, width));

/** Attention as a function of x and its parameters, drawn or given. */
function subjectOf(options: Options, x: NdArray, parameters?: Arrays) {
  const part = partOf(options, x.shape[2]!);
  return {
    inputs: { x, ...withPrefix("p.", { ...part.parameters, ...parameters }) },
    build: (at: Readonly<Record<string, Tensor>>) => {
      const { y, probes } = mixer.forward(at.x!, { ...contextOf(part, at), s: {}, io: plainIo("eval") });
      return { y, weights: probes!.weights_BHTS! };
    },
  };
}

const parameterCount = (options: Options, width: number): number =>
  Object.values(partOf(options, width).declarations).reduce((sum, { shape }) => sum + sizeOf(shape), 0);

const [H, K, A, T] = [2, 4, 3, 5];
const at = ({ shape, data }: NdArray, ...index: number[]): number =>
  data[index.reduce((flat, i, axis) => flat * shape[axis]! + i, 0)]!;

/** A score for every head, query and key, in this order. */
function everyPair(score: (h: number, t: number, s: number) => number): number[] {
  const scores: number[] = [];
  for (let h = 0; h < H; h++) for (let t = 0; t < T; t++) for (let s = 0; s < T; s++) scores.push(score(h, t, s));
  return scores;
}

const draw = (shapes: Readonly<Record<string, readonly number[]>>): Arrays =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, randomNormal(name, shape)]));
const pairs = { q: [1, H, T, K], k: [1, H, T, K] };

/** Scores by the option's own maps, of q and k [1, H, T, K]. */
const scores =
  (options: Options) =>
  ({ q, k, ...maps }: Readonly<Record<string, Tensor>>): Tensor =>
    scoreOf(attention.config.parse(options), weightsFrom(maps), 1)!(q!, k!);

function expectLoop(options: Options, inputs: Arrays, loop: readonly number[]): void {
  const { y } = run({ inputs, build: (tensors) => ({ y: scores(options)(tensors) }) });
  expect(y!).toBeAllclose({ shape: [1, H, T, T], data: Float64Array.from(loop) }, { tolerance: 1e-12 });
  gradCheck(scores(options), inputs);
}

test("[attn-additive] v·tanh(W₁q + W₂k) equals loops, its gradients central differences, at 2·d_k·d_a + d_a parameters a head", () => {
  const inputs = draw({ ...pairs, scoreQueries: [H, K, A], scoreKeys: [H, K, A], score: [H, A] });
  const loop = everyPair((h, t, s) => {
    let score = 0;
    for (let a = 0; a < A; a++) {
      let inner = 0;
      for (let i = 0; i < K; i++)
        inner +=
          at(inputs.scoreQueries!, h, i, a) * at(inputs.q!, 0, h, t, i) +
          at(inputs.scoreKeys!, h, i, a) * at(inputs.k!, 0, h, s, i);
      score += at(inputs.score!, h, a) * Math.tanh(inner);
    }
    return score;
  });
  expectLoop({ heads: H, score: "additive", scoreHidden: A }, inputs, loop);
  for (const [heads, width, hidden] of [
    [1, 16, 5],
    [4, 16, 7],
  ] as const) {
    const headSize = width / heads;
    const extra =
      parameterCount({ heads, score: "additive", scoreHidden: hidden }, width) - parameterCount({ heads }, width);
    expect(extra).toBe(heads * (2 * headSize * hidden + hidden));
  }
  expect(() => partOf({ scoreHidden: 3 }, 16)).toThrow(/expected score "additive".*\[E_ATTENTION_SCORE\]/);
});

/** W = I / √d_k for every head. */
const scaledIdentity = (heads: number, size: number): NdArray => ({
  shape: [heads, size, size],
  data: Float64Array.from({ length: heads * size * size }, (_, n) =>
    Math.floor(n / size) % size === n % size ? size ** -0.5 : 0,
  ),
});

test("[attn-multiplicative] q·W·k equals loops, its gradients central differences", () => {
  const inputs = draw({ ...pairs, between: [H, K, K] });
  const loop = everyPair((h, t, s) => {
    let score = 0;
    for (let i = 0; i < K; i++)
      for (let j = 0; j < K; j++)
        score += at(inputs.q!, 0, h, t, i) * at(inputs.between!, h, i, j) * at(inputs.k!, 0, h, s, j);
    return score;
  });
  expectLoop({ heads: H, score: "bilinear" }, inputs, loop);
});

test("[attn-multiplicative] W = I/√d_k is sdpa, bit for bit where √d_k is a power of two", async () => {
  for (const [heads, width] of [
    [4, 16],
    [2, 32],
    [1, 64],
    [4, 32],
    [2, 6],
  ] as const) {
    const size = width / heads;
    const x = randomNormal("x", [2, T, width]);
    const bilinear = { heads, score: "bilinear", scale: "none" };
    const own = { between: scaledIdentity(heads, size) };
    const [found, expected] = [run(subjectOf(bilinear, x, own)), run(subjectOf({ heads }, x))];
    const exact = Number.isInteger(Math.log2(Math.sqrt(size)));
    if (exact) expect(found).toEqual(expected);
    for (const name of ["y", "weights"]) expect(found[name]!).toBeAllclose(expected[name]!, { tolerance: 1e-6 });
    const [native] = await evaluateNative(subjectOf(bilinear, x, own));
    expect(native!.outputs.y!).toBeAllclose(expected.y!, { tolerance: 1e-5 });
    expect(parameterCount(bilinear, width) - parameterCount({ heads }, width)).toBe(heads * size ** 2);
  }
});
