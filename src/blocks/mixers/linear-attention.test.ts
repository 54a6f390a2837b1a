import { expect, test } from "vitest";
import { countFlops } from "../../engine/index.ts";
import { randomStream, taylorFeatures } from "../../ops/index.ts";
import { input, iota, scalar, stack, type Tensor, where, zeros } from "../../tensor/index.ts";
import {
  type Arrays,
  expectSameFunction,
  type Loose,
  mixerSuite,
  type NaiveMixerArguments,
  randomNormal,
  run,
  type Subject,
} from "../../testing/index.ts";
import type { Io } from "../define.ts";
import type { Weights } from "../weights/use.ts";
import { linearPhi } from "./kernel-naive.ts";
import { linearAttention } from "./linear-attention.ts";
import { cut, dot, matrixFrom, range, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof linearAttention.config.parse>,
  ReturnType<typeof linearAttention.dims>,
  ReturnType<typeof linearAttention.params>
>;

/** Katharopoulos et al. 2020, eq. 16–20, token by token. */
function sequence({ x, p, c, d, s }: Omit<At, "x" | "s"> & { x: number[][]; s: Loose | undefined }) {
  const phi = linearPhi(c);
  const S = range(d.H).map((h) => matrixFrom(s?.[h], d.V + 1, d.F));
  const y = x.map((x_t) => {
    const [q, k] = [p.q, p.k].map((W) => cut(times(x_t, W), d.H).map(phi)) as [number[][], number[][]];
    const v = cut(times(x_t, p.v), d.H);
    const o = range(d.H).map((h) => {
      S[h] = S[h]!.map((row, i) => row.map((value, j) => value + (v[h]![i] ?? 1) * k[h]![j]!));
      const read = S[h]!.map((row) => dot(row, q[h]!));
      return read.slice(0, -1).map((value) => value / (read.at(-1)! + c.epsilon));
    });
    return times(o.flat(), p.out);
  });
  return { y, S };
}

mixerSuite(linearAttention, {
  configs: [
    { heads: 2 },
    { heads: 4, featureMap: "relu", epsilon: 0.1 },
    { heads: 2, featureMap: "taylor", keySize: 2 },
    { heads: 1, featureMap: "square", keySize: 3, epsilon: 0.1 },
  ],
  width: 8,
  algorithmic: ["chunk"],
  naive: ({ x, s, ...at }) => {
    const results = x.map((rows, b) => sequence({ ...at, x: rows, s: s?.S[b] }));
    return { y: results.map(({ y }) => y), s: { S: results.map(({ S }) => S) } };
  },
});

const D = 8;
const config = linearAttention.config.parse({ heads: 2 });
const d = linearAttention.dims(config, D);
const declarations = linearAttention.params(d, config);

type Leaves = Readonly<Record<string, Tensor>>;
const weightsFrom = (at: Leaves) =>
  Object.fromEntries(
    Object.entries(declarations).map(([name, declaration]) => [name, { path: name, declaration, tensor: at[name]! }]),
  ) as Weights<typeof declarations>;
const io: Io = { mode: "eval", rng: () => randomStream({ seed: scalar(0, "u32"), step: scalar(0, "u32"), path: "" }) };
const contextFrom = (at: Leaves) => ({ c: config, d, p: weightsFrom(at), b: {}, io });

function inputs(tokens: number, batch: number): Arrays {
  const weights = Object.entries(declarations).map(([name, { shape }]) => [
    name,
    randomNormal(`weight ${name}`, shape, 0.5),
  ]);
  return { x: randomNormal("tokens", [batch, tokens, D]), ...(Object.fromEntries(weights) as Arrays) };
}

/** φ(Q) (φ(K)ᵀ V) with all pairs of tokens spelled out, divided by the row sums. */
function quadratic(at: Leaves): Tensor {
  const tokens = at.x!.dim(1);
  const phi = (x: Tensor) => where(x.greater(0), x.add(1), x.minimum(0).exp());
  const heads = (name: string) => at.x!.matmul(at[name]!).reshape([-1, tokens, d.H, d.K]).swap(1, 2);
  const visible = where(iota(tokens).unsqueeze(1).greaterEqual(iota(tokens)), 1, 0);
  const scores = phi(heads("q"))
    .matmul(phi(heads("k")), { transB: true })
    .mul(visible);
  const o = scores.matmul(heads("v")).div(scores.sum(-1, true).add(config.epsilon));
  return o.swap(1, 2).reshape(at.x!.shape).matmul(at.out!);
}

function recurrent(at: Leaves): Tensor {
  let s = { S: zeros([at.x!.dim(0), d.H, d.K + 1, d.K]) };
  const rows = Array.from({ length: at.x!.dim(1) }, (_, t) => {
    const result = linearAttention.step!(at.x!.at(1, t), { ...contextFrom(at), s });
    s = { S: result.s.S! };
    return result.y;
  });
  return stack(1, rows);
}

const parallel = (at: Leaves): Tensor => linearAttention.forward(at.x!, { ...contextFrom(at), s: {} }).y;

test("[linear-attention] the parallel, recurrent and quadratic forms are one function", () => {
  const subject = (form: (at: Leaves) => Tensor): Subject => ({
    inputs: inputs(70, 2),
    build: (at) => ({ y: form(at) }),
  });
  expectSameFunction(subject(parallel), subject(quadratic));
  expectSameFunction(subject(recurrent), subject(quadratic));
});

test("[linear-attention] the decoding state has one size at every length: keys by values and the normaliser", () => {
  expect(linearAttention.state(d, config)).toEqual({ S: [2, 5, 4] });
  for (const tokens of [1, 64, 200]) {
    const at = Object.fromEntries(
      Object.entries(inputs(tokens, 1)).map(([name, { shape }]) => [name, input(name, shape)]),
    );
    expect(linearAttention.forward(at.x!, { ...contextFrom(at), s: {} }).s.S!.shape).toEqual([1, 2, 5, 4]);
  }
});

test("[linear-attention] operations, and so time, grow as the first power of the length", () => {
  const work = (tokens: number) => {
    const leaves = Object.entries(inputs(tokens, 1)).map(([name, { shape }]) => [name, input(name, shape)] as const);
    return countFlops([parallel(Object.fromEntries(leaves)).sum()]).total;
  };
  expect(Math.log(work(65_536) / work(8192)) / Math.log(8)).toBeCloseTo(1, 2);
});

test("products of Taylor features are the exponential's series to the second order", () => {
  const [K, T] = [3, 4];
  const { kernel, q, k } = run({
    inputs: { q: randomNormal("queries", [1, K, 1, T]), k: randomNormal("keys", [1, K, 1, T]) },
    build: (leaves) => {
      const features = (x: Tensor) => taylorFeatures(x).squeeze(2).squeeze(0);
      return { kernel: features(leaves.q!).mul(features(leaves.k!)).sum(0), q: leaves.q!, k: leaves.k! };
    },
  });
  const expected = range(T).map((t) => {
    const score = range(K).reduce((total, i) => total + q!.data[i * T + t]! * k!.data[i * T + t]!, 0) / Math.sqrt(K);
    return 1 + score + score ** 2 / 2;
  });
  expected.forEach((value, t) => void expect(kernel!.data[t]).toBeCloseTo(value, 12));
});
