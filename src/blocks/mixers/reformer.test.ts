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
import { cut, dot, range, sum, times, unit } from "./plain-loops.ts";
import { directionsOf, reformer } from "./reformer.ts";

type At = NaiveMixerArguments<ReturnType<typeof reformer.config.parse>, ReturnType<typeof reformer.dims>>;

function hashOf(q: readonly number[], c: At["c"], round: number): number {
  if (c.buckets === 1) return 0;
  const [R, half] = [directionsOf(c, round, q.length), c.buckets / 2];
  const along = range(half).map((j) => sum(q.map((value, i) => value * R[i * half + j]!)));
  const all = [...along, ...along.map((value) => -value)];
  return all.indexOf(Math.max(...all));
}

function naive({ x, p: given, c, d }: At) {
  const p = given as Readonly<Record<string, Loose>>;
  const y = x.map((tokens) => {
    const columns = tokens.map((token) => cut(times(token, p.qv!), 2 * d.H));
    return tokens.map((_, t) =>
      times(
        range(d.H).flatMap((h) => headAt(columns, { h, t, c, d })),
        p.out!,
      ),
    );
  });
  return { y };
}

function headAt(columns: number[][][], { h, t, c, d }: { h: number; t: number; c: At["c"]; d: At["d"] }): number[] {
  const q = columns.map((row) => row[h]!);
  const rounds = range(c.rounds).map((r) => {
    const hashes = q.map((row) => hashOf(row, c, r));
    const sorted = range(q.length).sort((a, b) => hashes[a]! - hashes[b]! || a - b);
    const chunkOf = (s: number) => Math.floor(sorted.indexOf(s) / c.chunk);
    const seen = range(q.length).filter(
      (s) => hashes[s] === hashes[t] && (!c.causal || s <= t) && [0, 1].includes(chunkOf(t) - chunkOf(s)),
    );
    const others = seen.filter((s) => s !== t);
    const keys = others.length > 0 ? others : [t];
    const scores = keys.map((s) => (s === t ? -1e5 : dot(q[t]!, unit(q[s]!, 0)) / Math.sqrt(d.K)));
    const top = Math.max(...scores);
    const weights = scores.map((score) => Math.exp(score - top));
    const values = range(d.K).map(
      (i) => sum(keys.map((s, n) => weights[n]! * columns[s]![d.H + h]![i]!)) / sum(weights),
    );
    return { values, z: Math.log(sum(weights)) + top };
  });
  const top = Math.max(...rounds.map(({ z }) => z));
  const shares = rounds.map(({ z }) => Math.exp(z - top));
  return range(d.K).map((i) => sum(rounds.map(({ values }, r) => shares[r]! * values[i]!)) / sum(shares));
}

mixerSuite(reformer, {
  configs: [
    { heads: 2, chunk: 2, buckets: 4, rounds: 2, causal: true },
    { heads: 2, chunk: 3, buckets: 2, rounds: 1 },
    { heads: 1, chunk: 4, buckets: 1, rounds: 1, causal: true },
  ],
  width: 8,
  naive: naive as never,
});

const [D, T] = [8, 9];
const inputs = {
  x: randomNormal("x", [1, T, D]),
  qv: randomNormal("qv", [D, 2 * D]),
  out: randomNormal("out", [D, D]),
};
const attend = (options: Readonly<Record<string, unknown>>, given = inputs) =>
  run({
    inputs: given,
    build: ({ x, qv, out }) => {
      const c = reformer.config.parse({ heads: 2, ...options });
      const p = weightsFrom({ qv: qv!, out: out! });
      return { y: reformer.forward(x!, { c, d: reformer.dims(c, D), p, s: {}, b: {}, io: plainIo("eval") }).y };
    },
  }).y!;

test("[reformer] one chunk without hashing is attention with shared queries and unit keys, itself last", () => {
  const { data } = attend({ chunk: T, buckets: 1, rounds: 1, causal: true });
  const token = (t: number) => Array.from(inputs.x.data.slice(t * D, (t + 1) * D));
  const matrix = ({ data: all, shape }: { data: Float64Array; shape: readonly number[] }) =>
    range(shape[0]!).map((i) => Array.from(all.slice(i * shape[1]!, (i + 1) * shape[1]!)));
  const columns = range(T).map((t) => cut(times(token(t), matrix(inputs.qv)), 4));
  for (const t of range(T)) {
    const heads = range(2).flatMap((h) => {
      const keys = t === 0 ? [0] : range(t);
      const weights = keys.map((s) => Math.exp(dot(columns[t]![h]!, unit(columns[s]![h]!, 0)) / 2));
      return range(4).map((i) => sum(keys.map((s, n) => weights[n]! * columns[s]![2 + h]![i]!)) / sum(weights));
    });
    times(heads, matrix(inputs.out)).forEach((value, i) => void expect(data[t * D + i]).toBeCloseTo(value, 10));
  }
});

test("[reformer] its selection sees the future: another last token moves outputs before it, though no value of it is read", () => {
  const other = {
    ...inputs,
    x: { shape: inputs.x.shape, data: inputs.x.data.map((value, n) => (n < (T - 1) * D ? value : -3 * value)) },
  };
  const options = { chunk: 2, buckets: 4, rounds: 4, causal: true };
  const before = (y: { data: Float64Array }) => y.data.slice(0, (T - 1) * D);
  expect(before(attend(options, other))).not.toEqual(before(attend(options)));
});
