import { expect, test } from "vitest";
import { hippo } from "../../ops/index.ts";
import { constant } from "../../tensor/index.ts";
import { mixerSuite, type NaiveMixerArguments, run, weightsFrom } from "../../testing/index.ts";
import { naiveLayer, type Pair, plus, scaledBy, times } from "./lti-naive.ts";
import { s4 } from "./s4.ts";
import { lowRankStart } from "./s4-start.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof s4.config.parse>,
  ReturnType<typeof s4.dims>,
  ReturnType<typeof s4.params>
>;

const conj = ([re, im]: Pair): Pair => [re, -im];

/** Complex linear equations by elimination without pivots. */
function solve(matrix: Pair[][], right: Pair[]): Pair[] {
  const rows = matrix.map((row, i) => [...row, right[i]!]);
  const n = rows.length;
  for (let i = 0; i < n; i++) {
    const pivot = rows[i]![i]!;
    const size = pivot[0] ** 2 + pivot[1] ** 2;
    const normal = rows[i]!.map((value) => scaledBy(times(value, conj(pivot)), 1 / size));
    rows[i] = normal;
    for (let j = 0; j < n; j++) {
      if (j === i) continue;
      const factor = rows[j]![i]!;
      rows[j] = rows[j]!.map((value, k) => plus(value, scaledBy(times(factor, normal[k]!), -1)));
    }
  }
  return rows.map((row) => row[n]!);
}

/** Gu et al. 2022 (S4), equation 3, over the whole state: each pair and its conjugate. */
function channelOf({ d, p }: At, direction: number, channel: number) {
  const copy = channel % d.S;
  const dt = Math.exp(p.logDt[channel]!);
  const whole = (half: Pair[]): Pair[] => [...half, ...half.map(conj)];
  const A = whole(pairsOf(d.N, (n) => [-Math.exp(p.logRate[copy]![n]!), p.frequency[copy]![n]!]));
  const B = whole(pairsOf(d.N, (n) => pair(p.B[copy]![n]!)));
  const C = whole(pairsOf(d.N, (n) => pair(p.C[direction]![channel]![n]!)));
  const P = (p.P[copy] as unknown as Pair[][]).map(whole);
  const M = A.map((a, i) =>
    A.map((_, j) =>
      P.reduce((sum, row) => plus(sum, scaledBy(times(row[i]!, conj(row[j]!)), -1)), i === j ? a : ([0, 0] as Pair)),
    ),
  );
  const left = M.map((row, i) => row.map((m, j) => plus(scaledBy(m, -1), i === j ? [2 / dt, 0] : [0, 0])));
  return {
    step(half: Pair[], u: number) {
      const x = whole(half);
      const right = M.map((row, i) =>
        row.reduce((sum, m, j) => plus(sum, times(m, x[j]!)), plus(scaledBy(x[i]!, 2 / dt), scaledBy(B[i]!, 2 * u))),
      );
      const next = solve(left, right);
      return { x: next.slice(0, d.N), y: C.reduce((sum, value, n) => sum + times(value, next[n]!)[0], 0) };
    },
  };
}

const pair = (stored: readonly number[]): Pair => [stored[0]!, stored[1]!];
const pairsOf = (count: number, f: (n: number) => Pair): Pair[] => Array.from({ length: count }, (_, n) => f(n));

mixerSuite(s4, {
  configs: [
    { state: 4, dtMin: 0.05, dtMax: 0.5 },
    { state: 4, init: "legt", copies: 2, output: "none", dtMin: 0.05, dtMax: 0.5 },
    {
      state: 4,
      init: "fout",
      copies: 1,
      output: "linear",
      activation: "none",
      bidirectional: true,
      dtMin: 0.1,
      dtMax: 1,
    },
  ],
  width: 4,
  algorithmic: ["chunk"],
  naive: (at) =>
    naiveLayer({
      ...at,
      stored: at.s?.x,
      states: at.d.N,
      bidirectional: at.c.bidirectional,
      channel: (direction, d) => channelOf(at, direction, d),
    }),
});

test("[ssm-lti-s4] its impulse response is the continuous one at small steps: C e^{At} B", () => {
  const state = 8;
  const dt = 1e-3;
  const { re, im, B, P } = lowRankStart("legs", state);
  const N = state / 2;
  const tokens = 400;
  const impulse = Float64Array.from({ length: tokens }, (_, t) => (t === 0 ? 1 : 0));
  const { y } = run({
    inputs: { x: { shape: [1, tokens, 1], data: impulse } },
    build: ({ x }) => {
      const c = s4.config.parse({ state, output: "none", activation: "none" });
      const C = Array.from({ length: N }, (_, n) => [Math.cos(n), Math.sin(n)]).flat();
      const p = weightsFrom({
        logRate: constant(
          im.map(() => Math.log(-re)),
          [1, N],
        ),
        frequency: constant(im, [1, N]),
        B: constant(B.flat(), [1, N, 2]),
        P: constant(P.flat(2), [1, 1, N, 2]),
        C: constant(C, [1, 1, N, 2]),
        logDt: constant([Math.log(dt)], [1]),
        skip: constant([0], [1]),
      });
      const io = {
        mode: "eval" as const,
        rng: () => {
          throw new Error("nothing draws");
        },
      };
      return { y: s4.forward(x!, { c, d: s4.dims(c, 1), p: p as never, s: {}, b: {}, io }).y };
    },
  });
  // e^{At} B by small explicit steps over HiPPO-LegS itself, read in the eigenbasis.
  const { A, B: b } = hippo("legs", state);
  const vectors = lowRankStart("legs", state).vectors;
  const read = (h: readonly number[]) =>
    vectors.reduce((sum, v, n) => {
      const inBasis: Pair = [v.reduce((a, [r], i) => a + r * h[i]!, 0), v.reduce((a, [, m], i) => a - m * h[i]!, 0)];
      return sum + 2 * times([Math.cos(n), Math.sin(n)], inBasis)[0];
    }, 0);
  let h = b.map((value) => value * dt);
  const fine = 20;
  const expected = Array.from({ length: tokens }, () => {
    const now = read(h);
    for (let i = 0; i < fine; i++) h = midpoint(A, h, dt / fine);
    return now;
  });
  const scale = Math.max(...expected.map(Math.abs));
  const errors = expected.slice(20).map((value, t) => Math.abs(y!.data[t + 20]! - value) / scale);
  expect(Math.max(...errors)).toBeLessThan(0.02);
});

function midpoint(A: readonly (readonly number[])[], h: readonly number[], dt: number): number[] {
  const slope = (x: readonly number[]) => A.map((row) => row.reduce((sum, a, j) => sum + a * x[j]!, 0));
  const half = slope(h).map((k, i) => h[i]! + (k * dt) / 2);
  return slope(half).map((k, i) => h[i]! + k * dt);
}
