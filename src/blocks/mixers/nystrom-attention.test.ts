import { expect, test } from "vitest";
import {
  type Loose,
  mixerSuite,
  type NaiveMixerArguments,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import { attention } from "./attention.ts";
import { nystromAttention } from "./nystrom-attention.ts";
import { cut, dot, range, sum, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof nystromAttention.config.parse>,
  ReturnType<typeof nystromAttention.dims>
>;
type Matrix = number[][];

const product = (a: Matrix, b: Matrix): Matrix => a.map((row) => times(row, b));
const softmax = (rows: Matrix, columns: Matrix, seen: readonly boolean[], scale: number): Matrix =>
  rows.map((row) => {
    const weights = columns.map((column, j) => (seen[j] ? Math.exp(dot(row, column) * scale) : 0));
    return weights.map((w) => w / sum(weights));
  });

function naive({ x, p: given, c, d }: At) {
  const p = given as Readonly<Record<string, Loose>>;
  const T = x[0]!.length;
  const size = Math.ceil(T / d.L);
  const front = size * d.L - T;
  const y = x.map((tokens) => {
    const columns = tokens.map((token) => cut(times(token, p.qkv!, p.qkvBias), 3 * d.H));
    const heads = range(d.H).map((h) =>
      headOf(columns, { h, c, d, size, front, kernel: p.kernel?.[h] as Loose | undefined }),
    );
    return tokens.map((_, t) =>
      times(
        heads.flatMap((head) => head[t]!),
        p.out!,
        p.outBias,
      ),
    );
  });
  return { y };
}

interface Head {
  h: number;
  c: At["c"];
  d: At["d"];
  size: number;
  front: number;
  kernel: Loose | undefined;
}

function headOf(columns: Matrix[], { h, c, d, size, front, kernel }: Head): Matrix {
  const part = (i: number) => columns.map((row) => row[i * d.H + h]!);
  const [q, k, v] = [part(0), part(1), part(2)] as [Matrix, Matrix, Matrix];
  const members = range(d.L).map((l) => range(q.length).filter((t) => Math.floor((t + front) / size) === l));
  const mean = (rows: Matrix) =>
    members.map((own) => range(d.K).map((i) => sum(own.map((t) => rows[t]![i]!)) / (own.length + 1e-8)));
  const [ql, kl, scale] = [mean(q), mean(k), d.K ** -0.5];
  const [all, some] = [q.map(() => true), members.map((own) => own.length > 0)];
  const z = inverse(softmax(ql, kl, some, scale), c.iterations);
  const y = product(product(softmax(q, kl, some, scale), z), product(softmax(ql, k, all, scale), v));
  const side = ((c.kernel ?? 1) - 1) / 2;
  return y.map((row, t) =>
    row.map(
      (value, i) => value + sum(range(c.kernel ?? 0).map((j) => (kernel?.[j] ?? 0) * (v[t + j - side]?.[i] ?? 0))),
    ),
  );
}

function inverse(a: Matrix, iterations: number): Matrix {
  const L = a.length;
  const largest = Math.max(...a.map(sum)) * Math.max(...range(L).map((j) => sum(a.map((row) => row[j]!))));
  const plus = (m: Matrix, factor: number, n: number) =>
    m.map((row, i) => row.map((value, j) => factor * value + (i === j ? n : 0)));
  let z = range(L).map((i) => a.map((row) => row[i]! / largest));
  for (let n = 0; n < iterations; n++) {
    const az = product(a, z);
    const inner = plus(product(az, plus(az, -1, 7)), -1, 15);
    z = product(z, plus(product(az, inner), -1, 13)).map((row) => row.map((value) => value / 4));
  }
  return z;
}

mixerSuite(nystromAttention, {
  configs: [
    { heads: 2, landmarks: 3, iterations: 3 },
    { heads: 2, landmarks: 2, iterations: 2, kernel: 3, bias: true, outBias: false },
  ],
  width: 8,
  naive: naive as never,
});

test("with a landmark a token and an exact inverse it is full attention", () => {
  const [T, D] = [6, 8];
  const inputs = {
    x: randomNormal("x", [2, T, D]),
    qkv: randomNormal("qkv", [D, 3 * D]),
    out: randomNormal("out", [D, D]),
  };
  const { ours, full } = run({
    inputs,
    build: ({ x, qkv, out }) => {
      const c = nystromAttention.config.parse({ heads: 2, landmarks: T, iterations: 60, outBias: false });
      const p = weightsFrom({ qkv: qkv!, out: out! }) as never;
      const config = attention.config.parse({ heads: 2, causal: false });
      const at = { p, s: {}, b: {}, io: plainIo("eval") };
      return {
        ours: nystromAttention.forward(x!, { c, d: nystromAttention.dims(c, D), ...at }).y,
        full: attention.forward(x!, { c: config, d: attention.dims(config, D), ...at }).y,
      };
    },
  });
  expect(ours!).toBeAllclose(full!, { tolerance: 1e-5 });
});
