import { expect, test } from "vitest";
import { mixerSuite, type NaiveMixerArguments, run } from "../../testing/index.ts";
import { lstm } from "./lstm.ts";
import { goldenIo, weightOf } from "./rnn-golden-weights.fixture.ts";
import { add, affine, naiveLstmCell, overTime, parts, sigmoid, zerosOf } from "./rnn-naive.ts";

type Parameters = ReturnType<typeof lstm.params>;

function naive({ x, p, d, s }: NaiveMixerArguments<Record<string, unknown>, { H: number; R: number }, Parameters>) {
  const cell = (gates: number[], c: number[]) => {
    if (!p.peepholes) return naiveLstmCell(gates, c);
    const [i, f, o, g] = parts(gates, 4) as [number[], number[], number[], number[]];
    const seen = (gate: number[], from: number[], index: number) =>
      gate.map((value, j) => sigmoid(value + p.peepholes![index]![j]! * from[j]!));
    const [input, forget] = [seen(i, c, 0), seen(f, c, 1)];
    const next = c.map((value, j) => forget[j]! * value + input[j]! * Math.tanh(g[j]!));
    return { h: seen(o, next, 2).map((gate, j) => gate * Math.tanh(next[j]!)), c: next };
  };
  return overTime(x, {
    given: s,
    start: { h: zerosOf(d.R), c: zerosOf(d.H) },
    step: (token, { h, c }) => {
      const next = cell(add(affine(token, p.input, p.bias), affine(h, p.recurrent)), c);
      const carried = p.projection ? affine(next.h, p.projection) : next.h;
      return { y: p.out ? affine(carried, p.out) : carried, s: { h: carried, c: next.c } };
    },
  });
}

mixerSuite(lstm, {
  configs: [{}, { hidden: 6, bias: false }, { projection: 3, peephole: true }, { hidden: 20, projection: 16 }],
  naive,
});

interface Tried {
  T: number;
  /** i, f, o, g. */
  bias: readonly number[];
  weight?: number;
  c?: number;
}

/** One unit on one feature, the same weight on every gate. */
function oneUnit({ T, bias, weight = 0, c = 0 }: Tried) {
  const inputs = {
    x: { shape: [1, T, 1], data: Float64Array.from({ length: T }, (_, t) => t + 1) },
    w: { shape: [1, 4], data: new Float64Array(4).fill(weight) },
    b: { shape: [4], data: Float64Array.from(bias) },
    c: { shape: [1, 1], data: Float64Array.of(c) },
  };
  const { y, c: cell } = run({
    inputs,
    build: (at) => {
      const config = lstm.config.parse({});
      const p = { input: weightOf(at.w!), recurrent: weightOf(at.w!), bias: weightOf(at.b!) };
      const { y, s } = lstm.forward(at.x!, {
        c: config,
        d: lstm.dims(config, 1),
        p,
        s: { c: at.c },
        b: {},
        io: goldenIo(),
      });
      return { y, c: s.c };
    },
  });
  return { y: y!.data, c: cell!.data[0]! };
}

test("[lstm] equals two steps computed by hand, and a forget gate of 1 keeps its memory over 100 steps", () => {
  const { y, c } = oneUnit({ T: 2, bias: [0, 1, 0, 0], weight: 0.5 });
  // Step 1: i = o = σ(0.5), f = σ(1.5), g = tanh(0.5); c₁ = i·g, h₁ = o·tanh(c₁).
  // Step 2: all gates read 0.5·2 + 0.5·h₁, the forget gate 1 more.
  expect(y[0]).toBeCloseTo(0.17426971865610508, 12);
  expect(y[1]).toBeCloseTo(0.5172248628742441, 12);
  expect(c).toBeCloseTo(0.8510609990523237, 12);
  const kept = oneUnit({ T: 100, bias: [-1e3, 1e3, 0, 0], c: 0.75 });
  expect(kept.c).toBe(0.75);
});

test("[lstm] its default forget bias of 1 keeps σ(1) of the memory each step, against 1/2 at bias 0", () => {
  const fill = lstm.params({ D: 3, H: 3, R: 3 }, lstm.config.parse({})).bias!.init;
  expect(fill.kind === "values" && fill.fill(Math.random, [12])).toEqual([0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
  const after = (forget: number) => oneUnit({ T: 100, bias: [-1e3, forget, 0, 0], c: 1 }).c;
  expect(after(1) / (1 / (1 + Math.exp(-1))) ** 100).toBeCloseTo(1, 9);
  expect(after(1) / after(0)).toBeGreaterThan(1e16);
});
