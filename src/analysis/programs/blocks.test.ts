import { describe, expect, test } from "vitest";
import { createRng } from "../../ops/index.ts";
import {
  addition,
  atLeast,
  carryOver,
  clear,
  gated,
  moves,
  products,
  readAt,
  readPermuted,
  sigmoidSteps,
  writeAt,
} from "./blocks.ts";
import { contextDescent, loadRegression, readWeights } from "./gradient-descent.ts";
import { type Form, featureColumns, type HandWrittenLayer, handWritten } from "./hand-written.ts";
import { signs } from "./looped-computer.ts";
import { compiled } from "./run.fixture.ts";

const L = 4;
const at = featureColumns({
  constant: 1,
  own: L,
  processor: 1,
  data: 3,
  pointer: L,
  read: 3,
  sink: 1,
  other: 3,
  sum: L,
  gate: 1,
});
type Name = Parameters<typeof at.at>[0];
const constant = at.at("constant");
const field = { own: at.all("own"), pointer: at.all("pointer"), reader: at.at("processor"), sharpness: 40 };

/** Rows of named features, addresses and the processor set, through layers; the result read by name. */
function through(layers: readonly HandWrittenLayer[], rows: readonly Partial<Record<Name, readonly number[]>>[]) {
  const features = new Float32Array(rows.length * at.width);
  for (const [t, row] of rows.entries())
    for (const [name, values] of Object.entries({
      constant: [1],
      own: signs(t, L),
      processor: [Number(t === 0)],
      ...row,
    }))
      features.set(values, t * at.width + at.at(name as Name));
  const left = compiled(handWritten(layers, { width: at.width }), rows.length)(features);
  return (t: number, name: Name): number[] => at.all(name).map((column) => left[t * at.width + column]!);
}

const rng = createRng(1);
const cell = (t: number) => [t, -t, t * t].map((v) => v / 8);
/** A processor and 15 cells. */
const cells = (pointer: number): Partial<Record<Name, readonly number[]>>[] =>
  Array.from({ length: 16 }, (_, t) => (t === 0 ? { pointer: signs(pointer, L) } : { data: cell(t) }));

describe("blocks of hand-written transformers", () => {
  const reading = (sharpness: number) =>
    readAt({ ...field, sharpness, reads: moves(at.all("data"), at.all("read")) }, constant);

  test("[loop-blocks] read: from every address, and nobody else reads anything", () => {
    for (let address = 1; address < 16; address++) {
      const left = through([{ heads: [reading(40)], units: [] }], cells(address));
      expect(left(0, "read")).toEqual(cell(address));
      for (let t = 1; t < 16; t++) for (const v of left(t, "read")) expect(Math.abs(v)).toBeLessThan(1e-30);
    }
  });

  test("[looped-computer] a read of blunt attention is off by at most twice the others' weight, n e^−2λ, times the largest value", () => {
    const largest = Math.max(...Array.from({ length: 16 }, (_, t) => Math.max(...cell(t).map(Math.abs))));
    const errors = [1, 2, 3, 5, 8].map((sharpness) => {
      const left = through([{ heads: [reading(sharpness)], units: [] }], cells(11));
      const error = Math.max(...left(0, "read").map((v, i) => Math.abs(v - cell(11)[i]!)));
      expect(error).toBeLessThanOrEqual(2 * 16 * Math.exp(-2 * sharpness) * largest);
      return error;
    });
    expect(errors[0]).toBeGreaterThan(1e-2);
    expect(errors.toSorted((a, b) => b - a)).toEqual(errors);
  });

  const write = writeAt({ ...field, reads: moves(at.all("read"), at.all("other")) }, constant);

  test("[loop-blocks] write: to every address, and nowhere else", () => {
    for (let address = 1; address < 16; address++) {
      const rows = cells(address).map((row, t) => (t === 0 ? { ...row, read: [0.5, -1, 2] } : row));
      const left = through([{ heads: [write], units: [] }], rows);
      for (let t = 0; t < 16; t++)
        left(t, "other").forEach((v, i) => void expect(v).toBeCloseTo(t === address ? [0.5, -1, 2][i]! : 0, 14));
    }
  });

  test("[loop-blocks] copy: a read and a write of two layers move any cell to any other", () => {
    for (let trial = 0; trial < 20; trial++) {
      const [from, to] = [1 + rng.below(15), 1 + rng.below(15)];
      const reader = {
        ...readAt({ ...field, pointer: at.all("sum"), reads: moves(at.all("data"), at.all("read")) }, constant),
      };
      const rows = cells(to).map((row, t) => (t === 0 ? { ...row, sum: signs(from, L) } : row));
      const left = through(
        [
          { heads: [reader], units: [] },
          { heads: [write], units: [] },
        ],
        rows,
      );
      left(to, "other").forEach((v, i) => void expect(v).toBeCloseTo(cell(from)[i]!, 14));
    }
  });

  test("[loop-blocks] the counter is incremented from every address, modulo their number", () => {
    const units = addition({ plus: at.all("pointer"), active: at.at("processor"), to: at.all("sum") });
    for (let address = 0; address < 16; address++) {
      const left = through([{ heads: [], units }], cells(address));
      expect(left(0, "sum")).toEqual(signs((address + 1) % 16, L));
      expect(left(3, "sum")).toEqual([0, 0, 0, 0]);
    }
  });

  test("[loop-blocks] differences of all pairs of numbers, modulo 16", () => {
    const units = addition({ plus: at.all("pointer"), minus: at.all("own"), active: constant, to: at.all("sum") });
    for (let plus = 0; plus < 16; plus++) {
      const rows = Array.from({ length: 16 }, () => ({ pointer: signs(plus, L) }));
      const left = through([{ heads: [], units }], rows);
      for (let minus = 0; minus < 16; minus++) expect(left(minus, "sum")).toEqual(signs((plus - minus + 16) % 16, L));
    }
  });

  test("[loop-blocks] a branch: the gate decides between two addresses", () => {
    const gate: Form = [[at.at("gate"), 1]];
    const units = at
      .all("sum")
      .flatMap((column, i) => [
        ...carryOver([[at.at("own", i), 1]], [[column, 1]]),
        ...gated([[at.at("own", i), 1]], gate, [[column, -1]]),
        ...gated([[at.at("pointer", i), 1]], gate, [[column, 1]]),
      ]);
    for (const open of [0, 1])
      for (let target = 0; target < 16; target++) {
        const rows = Array.from({ length: 16 }, () => ({ pointer: signs(target, L), gate: [open] }));
        const left = through([{ heads: [], units }], rows);
        for (let t = 0; t < 16; t++) expect(left(t, "sum")).toEqual(signs(open ? target : t, L));
      }
  });

  test("[loop-blocks] thresholds of whole numbers, and clearing", () => {
    const units = [...atLeast([[at.at("data", 0), 1]], 2, [[at.at("gate"), 1]]), ...clear(at.all("read"))];
    const rows = [-3, 0, 1, 2, 3, 9].map((n) => ({ data: [n, 0, 0], read: [n, -1, 0.5] }));
    const left = through([{ heads: [], units }], rows);
    expect(rows.map((_, t) => left(t, "gate")[0])).toEqual([0, 0, 0, 1, 1, 1]);
    for (const t of rows.keys()) expect(left(t, "read").map(Math.abs)).toEqual([0, 0, 0]);
  });

  test("[loop-blocks] a function by sigmoids: the error is at most a step's rise", () => {
    const f = (x: number) => Math.sqrt(1 + x) + Math.sin(x);
    const units = sigmoidSteps(
      f,
      { from: 0, to: 4, steps: 64, steepness: 400 },
      { input: at.at("data", 0), constant, output: at.at("gate") },
    );
    const xs = Array.from({ length: 30 }, (_, i) => 0.05 + (i * 3.9) / 30);
    const left = through(
      [{ heads: [], units, activation: "sigmoid" }],
      xs.map((x) => ({ data: [x, 0, 0] })),
    );
    const rise = Math.max(...Array.from({ length: 64 }, (_, k) => Math.abs(f((k + 1) / 16) - f(k / 16))));
    for (const [t, x] of xs.entries()) expect(Math.abs(left(t, "gate")[0]! - f(x))).toBeLessThan(rise);
  });

  test("[loop-blocks] a product of matrices by attention", () => {
    const draw = () => Array.from({ length: 3 }, () => 2 * rng.uniform() - 1);
    const rows = Array.from({ length: 8 }, (_, t) =>
      t === 0 ? { sink: [1] } : { data: draw(), read: draw(), other: draw() },
    );
    const forms = (name: Name): Form[] => at.all(name).map((column) => [[column, 1]]);
    const heads = products({
      ...{ query: forms("data"), key: forms("read"), sink: at.at("sink"), constant },
      reads: at.all("other").map((column, i) => ({ value: [[column, 1]] as Form, to: [[at.at("sum", i), 1]] as Form })),
    });
    const left = through([{ heads, units: [] }], rows);
    const real = rows.slice(1) as { data: number[]; read: number[]; other: number[] }[];
    for (const [t, { data }] of real.entries()) {
      const expected = [0, 1, 2].map((i) =>
        real.reduce((sum, { read, other }) => sum + data.reduce((dot, q, k) => dot + q * read[k]!, 0) * other[i]!, 0),
      );
      expected.forEach((v, i) => void expect(Math.abs(left(t + 1, "sum")[i]! - v)).toBeLessThan(2e-3));
    }
  });

  test("[loop-blocks] transposition: every entry of a 4 × 4 matrix goes where row and column are exchanged", () => {
    const [c0, c1, r0, r1] = at.all("own") as [number, number, number, number];
    const head = readPermuted({
      ...{ own: at.all("own"), order: [r0, r1, c0, c1], sharpness: 40 },
      reads: moves([at.at("data", 0)], [at.at("gate")]),
    });
    const entries = Array.from({ length: 16 }, () => Math.fround(rng.uniform()));
    const left = through(
      [{ heads: [head], units: [] }],
      entries.map((v) => ({ data: [v, 0, 0] })),
    );
    for (let row = 0; row < 4; row++)
      for (let column = 0; column < 4; column++)
        expect(left(4 * row + column, "gate")[0]).toBeCloseTo(entries[4 * column + row]!, 14);
  });
});

test("[loop-icl-sgd] after each of eight rounds the learner's weights are those of gradient descent", () => {
  const [n, d, rate] = [10, 3, 0.5];
  const inputs = Array.from({ length: n }, () => Array.from({ length: d }, () => Math.fround(2 * rng.uniform() - 1)));
  const targets = inputs.map((x) => Math.fround(0.7 * x[0]! - 0.4 * x[1]! + 0.2));
  const { features, tokens } = loadRegression({ inputs, targets });
  let w = new Array<number>(d).fill(0);
  for (let times = 1; times <= 8; times++) {
    const missed = inputs.map((x, j) => targets[j]! - x.reduce((sum, v, i) => sum + v * w[i]!, 0));
    w = w.map((v, i) => v + (rate / n) * missed.reduce((sum, r, j) => sum + r * inputs[j]![i]!, 0));
    const left = compiled(contextDescent({ examples: n, features: d, rate, times }), tokens)(features);
    readWeights(left, d).forEach((v, i) => void expect(Math.abs(v - w[i]!)).toBeLessThan(2e-3));
  }
  expect(Math.max(...w.map(Math.abs))).toBeGreaterThan(0.3);
});
