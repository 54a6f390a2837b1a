import { expect, test } from "vitest";
import { nodesOf } from "../../ops/index.ts";
import { constant } from "../../tensor/index.ts";
import { type Loose, mixerSuite, type NaiveMixerArguments, randomNormal, run } from "../../testing/index.ts";
import { neuralCde } from "./neural-cde.ts";
import { silu } from "./plain-loops.ts";
import { goldenIo, weightOf } from "./rnn-golden-weights.fixture.ts";
import { affine, overTime, zerosOf } from "./rnn-naive.ts";

type Arguments = NaiveMixerArguments<
  ReturnType<typeof neuralCde.config.parse>,
  ReturnType<typeof neuralCde.dims>,
  ReturnType<typeof neuralCde.params>
>;

const plus = (a: readonly number[], b: readonly number[], factor: number) =>
  a.map((value, i) => value + factor * b[i]!);

/** Euler and Kutta's 3/8 rule, spelled out. */
function solved(method: string, z: number[], f: (z: number[], stage: number) => number[], h: number): number[] {
  const k1 = f(z, 0);
  if (method === "euler") return plus(z, k1, h);
  const k2 = f(plus(z, k1, h / 3), 1);
  const k3 = f(plus(plus(z, k1, -h / 3), k2, h), 2);
  const k4 = f(plus(plus(plus(z, k1, h), k2, -h), k3, h), 3);
  return z.map((value, i) => value + (h / 8) * (k1[i]! + 3 * k2[i]! + 3 * k3[i]! + k4[i]!));
}

/** Kidger et al. 2020, eq. 4, with the causal cubic pieces of Morrill et al. 2021, section 4. */
function naive({ x, p, c, d, s, dt }: Arguments) {
  const act = c.activation === "relu" ? (v: number) => Math.max(0, v) : silu;
  return overTime(x, {
    given: s as Readonly<Record<string, Loose>> | undefined,
    start: { z: zerosOf(d.H), last: zerosOf(d.C - 1), slope: zerosOf(d.C - 1), seen: [0] },
    step: (token, state, { b, t }) => {
      const place = affine(token, p.path);
      const gap = dt![b]![t]!;
      const change = plus(place, state.last, -1);
      const first = state.seen[0]! < 0.5;
      const before = state.seen[0]! < 1.5 ? change : state.slope.map((value) => value * gap);
      let z = state.z;
      for (let k = 0; k < c.steps; k++) {
        const along = nodesOf(c.method).map((node) => {
          const u = (k + node) / c.steps;
          const bend = c.path === "linear" ? 0 : 1 - 4 * u + 3 * u * u;
          return [...change.map((value, i) => value + (before[i]! - value) * bend), gap];
        });
        const field = (now: number[], stage: number) => {
          const flat = affine(affine(now, p.inward, p.inwardBias).map(act), p.field, p.fieldBias).map(Math.tanh);
          return now.map((_, i) => along[stage]!.reduce((sum, dx, j) => sum + flat[i * d.C + j]! * dx, 0));
        };
        z = solved(c.method, z, field, 1 / c.steps);
      }
      const next = first ? affine(place, p.start, p.startBias) : z;
      const slope = first ? zerosOf(d.C - 1) : change.map((value) => value / gap);
      return {
        y: affine(next, p.out),
        s: { z: next, last: place, slope, seen: [Math.min(2, state.seen[0]! + 1)] },
      };
    },
  });
}

mixerSuite(neuralCde, {
  configs: [
    { channels: 2, hidden: 3 },
    { channels: 1, path: "linear", method: "euler", steps: 2, activation: "relu", fieldUnits: 3 },
  ],
  naive,
  width: 4,
});

test("a path that stands still moves the state by time alone", () => {
  const config = neuralCde.config.parse({ channels: 2 });
  const d = neuralCde.dims(config, 4);
  const parameters = Object.fromEntries(
    Object.entries(neuralCde.params(d, config)).map(([name, { shape }]) => [name, randomNormal(name, shape)]),
  );
  const outputs = run({
    inputs: { ...parameters, x: randomNormal("x", [1, 1, 4]) },
    build: ({ x, ...at }) => {
      const p = Object.fromEntries(Object.entries(at).map(([name, t]) => [name, weightOf(t)])) as never;
      const of = (dt: number[]) => {
        const io = goldenIo({ dt_BT: constant(dt, [1, dt.length]) });
        return neuralCde.forward(x!.expand([1, dt.length, 4]), { c: config, d, p, s: {}, b: {}, io }).y;
      };
      return { still: of([1, 1e-9, 1e-9]), moved: of([1, 0.5, 0.5]) };
    },
  });
  const row = (name: "still" | "moved", t: number) => [...outputs[name]!.data.slice(4 * t, 4 * t + 4)];
  const distance = (a: number[], b: number[]) => Math.hypot(...a.map((value, i) => value - b[i]!));
  expect(distance(row("still", 0), row("still", 2))).toBeLessThan(1e-7);
  expect(distance(row("moved", 0), row("moved", 2))).toBeGreaterThan(1e-2);
});
