/** What papers say of attention's variants, one test a claim. */
import { describe, expect, test } from "vitest";
import { vjp } from "../../grad/index.ts";
import { attentionWeights, keepLargest, straightThrough } from "../../ops/index.ts";
import { constant, type Tensor, where } from "../../tensor/index.ts";
import { type Arrays, type NdArray, plainIo, randomNormal, run, weightsFrom } from "../../testing/index.ts";
import type { Io } from "../define.ts";
import { attention } from "./attention.ts";
import { range, sum } from "./plain-loops.ts";

const [D, T, H] = [8, 7, 2];
type Options = Readonly<Record<string, unknown>>;

/** Parameters drawn by name; those given stand in their place. */
function attend(options: Options, given: Arrays = {}, io: Partial<Io> = {}) {
  const c = attention.config.parse({ heads: H, ...options });
  const d = attention.dims(c, D);
  const drawn = Object.entries(attention.params(d, c)).map(([name, { shape }]) => [
    name,
    given[name] ?? randomNormal(name, shape, 0.5),
  ]);
  const inputs = { x: given.x ?? randomNormal("x", [2, T, D]), ...Object.fromEntries(drawn) };
  return run({
    inputs,
    build: ({ x, ...weights }) => {
      const at = { c, d, p: weightsFrom(weights) as never, s: {}, b: {}, io: { ...plainIo("eval"), ...io } };
      const { y, probes, handed } = attention.forward(x!, at);
      const passed: Readonly<Record<string, Tensor>> = handed ?? {};
      return { y, weights: probes!.weights_BHTS!, ...passed };
    },
  });
}

const scores = randomNormal("scores", [2, H, T, T], 2);
const zerosLike = ({ shape, data }: NdArray): NdArray => ({ shape, data: new Float64Array(data.length) });

describe("weights other than softmax", () => {
  test("[stick-breaking] weights are products of shares from the last key on, at least 0, at most 1 in sum", () => {
    const weigh = (rows: NdArray) =>
      run({ inputs: { rows }, build: ({ rows: t }) => ({ w: attentionWeights(t!, { kind: "stick-breaking" }) }) }).w!
        .data;
    const weights = weigh(scores);
    const share = (z: number) => 1 / (1 + Math.exp(-z));
    for (let row = 0; row < weights.length; row += T) {
      const own = range(T).map((j) =>
        range(T)
          .filter((k) => k > j)
          .reduce((left, k) => left * (1 - share(scores.data[row + k]!)), share(scores.data[row + j]!)),
      );
      own.forEach((value, j) => void expect(weights[row + j]).toBeCloseTo(value, 12));
      expect(sum(own)).toBeLessThanOrEqual(1);
      expect(Math.min(...own)).toBeGreaterThanOrEqual(0);
    }
    // Far keys that are hidden change nothing.
    const far = { shape: [2, H, T, T + 2], data: new Float64Array(2 * H * T * (T + 2)).fill(-1e30) };
    scores.data.forEach((value, n) => {
      far.data[Math.floor(n / T) * (T + 2) + 2 + (n % T)] = value;
    });
    const padded = weigh(far);
    weights.forEach((value, n) => void expect(padded[Math.floor(n / T) * (T + 2) + 2 + (n % T)]).toBe(value));
  });

  test("hard attention looks at one key and learns as softmax does; dense gradients reach the keys that top-k leaves out", () => {
    const probe = constant(randomNormal("probe", scores.shape).data, scores.shape);
    const gradients = (weigh: (t: Tensor) => Tensor) =>
      run({
        inputs: { scores },
        build: ({ scores: t }) => {
          const weights = weigh(t!);
          return { weights, gradient: vjp([weights], [probe], [t!])[0]! };
        },
      });
    const soft = gradients((t) => t.softmax(-1));
    const hard = gradients((t) => attentionWeights(t, { kind: "hard" }));
    expect(hard.gradient!).toBeAllclose(soft.gradient!, { tolerance: 1e-12 });
    for (let row = 0; row < scores.data.length; row += T)
      expect([...hard.weights!.data.slice(row, row + T)].sort()).toEqual([0, 0, 0, 0, 0, 0, 1]);
    const kept = (t: Tensor) => keepLargest(t, 2).softmax(-1);
    const sparse = gradients(kept);
    const dense = gradients((t) => straightThrough(kept(t), t.softmax(-1)));
    expect(dense.weights!).toBeAllclose(sparse.weights!, { tolerance: 1e-12 });
    expect(dense.gradient!).toBeAllclose(soft.gradient!, { tolerance: 1e-12 });
    expect(sparse.gradient!.data.filter((value) => value === 0).length).toBe((scores.data.length / T) * (T - 2));
  });
});

describe("keys beside the tokens", () => {
  test("[persistent-memory] learned keys and values are attended to as tokens are: 2·N·width more parameters", () => {
    const count = (options: Options) => {
      const c = attention.config.parse({ heads: H, ...options });
      return sum(
        Object.values(attention.params(attention.dims(c, D), c)).map(({ shape }) => shape.reduce((a, b) => a * b, 1)),
      );
    };
    for (const memory of [1, 5]) expect(count({ memory }) - count({})).toBe(2 * memory * D);
    // Against the two matrices of a feed-forward net of hidden width 4·width.
    expect(2 * 4 * D * D).toBe(8 * D ** 2);
    const { weights } = attend({ memory: 3 });
    expect(weights!.shape).toEqual([2, H, T, T + 3]);
    // A feed-forward net is attention over its rows with another function than softmax.
    const [keys, values] = [randomNormal("U", [5, D]), randomNormal("V", [5, D])];
    const { net, attended } = run({
      inputs: { x: randomNormal("x", [T, D]), keys, values },
      build: ({ x, keys: u, values: v }) => ({
        net: x!
          .matmul(u!.transpose([1, 0]))
          .sigmoid()
          .matmul(v!),
        attended: attentionWeights(x!.matmul(u!, { transB: true }).reshape([1, 1, T, 5]), { kind: "sigmoid" })
          .reshape([T, 5])
          .matmul(v!),
      }),
    });
    expect(attended!).toBeAllclose(net!, { tolerance: 1e-12 });
  });

  test("memory that no score reaches leaves attention as it was", () => {
    const far = {
      memoryKeys: { shape: [H, 2, 4], data: new Float64Array(H * 8) },
      memoryValues: zerosLike(randomNormal("", [H, 2, 4])),
    };
    const zero = attend({ zeroKey: true });
    const twice = attend({ memory: 2, zeroKey: false }, far);
    // Keys of zeros take weight, values of zeros give nothing: more of them shrink the output.
    const norm = (y: NdArray) => Math.hypot(...y.data);
    expect(norm(twice.y!)).toBeLessThan(norm(zero.y!));
    expect(norm(zero.y!)).toBeLessThan(norm(attend({}).y!));
  });
});

describe("what layers hand on", () => {
  test("[residual-attention-scores] the first layer is as without; handed scores are added; a history of zeros changes nothing", () => {
    const plain = attend({});
    const first = attend({ scoreResidual: true });
    expect(first.y!.data).toEqual(plain.y!.data);
    const handed = (array: NdArray) => ({ handed: { attentionScores_BHTS: constant(array.data, array.shape) } });
    expect(attend({ scoreResidual: true }, {}, handed(zerosLike(scores))).y!).toBeAllclose(plain.y!, {
      tolerance: 1e-12,
    });
    const second = attend({ scoreResidual: true }, {}, handed(scores));
    const both = first.attentionScores_BHTS!.data.map((value, n) =>
      Math.floor(n / T) % T >= n % T ? value + scores.data[n]! : 0,
    );
    const { expected } = run({
      inputs: { both: { shape: scores.shape, data: both } },
      build: ({ both: t }) => {
        const causal = constant(
          range(T * T).map((n) => (Math.floor(n / T) >= n % T ? 1 : 0)),
          [T, T],
          "bool",
        );
        return { expected: where(causal, t!, -1e30).softmax(-1) };
      },
    });
    expect(second.weights!).toBeAllclose(expected!, { tolerance: 1e-10 });
  });

  test("values are mixed with the first layer's, and their absence is an error that says what to do", () => {
    const plain = attend({});
    const first = plain.attentionValues_BGTV!;
    const handed = { handed: { attentionValues_BGTV: constant(first.data, first.shape) } };
    expect(attend({ valueResidual: "half" }, {}, handed).y!).toBeAllclose(plain.y!, { tolerance: 1e-12 });
    const other = { handed: { attentionValues_BGTV: constant(zerosLike(first).data, first.shape) } };
    const halved = attend({ valueResidual: "half" }, {}, other).y!;
    expect(halved.data.map((value) => 2 * value)).toEqual(plain.y!.data);
    expect(attend({ valueResidual: "learned" }, {}, handed).y!).toBeAllclose(plain.y!, { tolerance: 1e-12 });
    expect(() => attend({ valueResidual: "half" })).toThrow(/E_HANDED/);
  });
});
