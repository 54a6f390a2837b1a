import { expect, test } from "vitest";
import { createRng } from "../../ops/index.ts";
import { where } from "../../tensor/index.ts";
import type { UpdateRule } from "../engine.ts";
import { normModule } from "./sum-squares.ts";
import { compileUpdate } from "./update.ts";

const rule: UpdateRule = {
  slots: ["m", "v"],
  scalars: ["rate", "decay"],
  update({ p, g, slots, scalars }) {
    const m = slots["m"]!.mul(0.9).add(g.mul(0.1));
    const v = slots["v"]!.maximum(g.abs());
    const step = where(g.less(0), m.neg(), m.div(v.sqrt().add(1e-3)));
    return { p: p.sub(step.mul(scalars["rate"]!)).sub(p.mul(scalars["decay"]!)), slots: { m, v } };
  },
};

/** The rule by a plain loop, each operation rounded to f32. */
function naive(
  p: Float32Array,
  g: Float32Array,
  m: Float32Array,
  v: Float32Array,
  { rate, decay }: { rate: number; decay: number },
): void {
  const f = Math.fround;
  for (let i = 0; i < p.length; i++) {
    m[i] = f(f(m[i]! * f(0.9)) + f(g[i]! * f(0.1)));
    v[i] = Math.max(v[i]!, Math.abs(g[i]!));
    const step = g[i]! < 0 ? -m[i]! : f(m[i]! / f(f(Math.sqrt(v[i]!)) + f(1e-3)));
    p[i] = f(f(p[i]! - f(step * f(rate))) - f(p[i]! * f(decay)));
  }
}

function instantiate(floats: number, compiled = rule) {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const link = (module: Uint8Array<ArrayBuffer>) =>
    new WebAssembly.Instance(new WebAssembly.Module(module), { env: { memory } }).exports;
  const views = [0, 1, 2, 3].map((i) => new Float32Array(memory.buffer, i * floats * 4, floats));
  const kernels = { ...link(compileUpdate(compiled).module), ...link(normModule()) };
  return {
    views,
    kernels: kernels as unknown as {
      update(...values: number[]): void;
      sumSquares(address: number, bytes: number): number;
    },
  };
}

test("the SIMD kernel equals a plain loop bit for bit, and touches nothing beyond its range", () => {
  const floats = 64;
  const used = 40;
  const rng = createRng(1);
  const { views, kernels } = instantiate(floats);
  for (const view of views) view.set(Array.from({ length: floats }, () => rng.uniform() * 2 - 1));
  const copies = views.map((view) => view.slice());
  kernels.update(used * 4, ...views.map((view) => view.byteOffset), 0.01, 0.001);
  const [p, g, m, v] = copies.map((copy) => copy.subarray(0, used)) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  naive(p, g, m, v, { rate: 0.01, decay: 0.001 });
  views.forEach((view, i) => void expect([...view]).toEqual([...copies[i]!]));
});

test("an empty range changes nothing", () => {
  const { views, kernels } = instantiate(16);
  views[0]!.fill(2);
  kernels.update(0, ...views.map((view) => view.byteOffset), 1, 1);
  expect([...views[0]!]).toEqual(new Array(16).fill(2));
});

test("the sum of squares is taken in f64", () => {
  const { views, kernels } = instantiate(64);
  views[1]!.fill(1e-4);
  views[1]![5] = 3e1;
  expect(kernels.sumSquares(views[1]!.byteOffset, 64 * 4)).toBeCloseTo(
    Math.fround(3e1) ** 2 + 63 * Math.fround(1e-4) ** 2,
    9,
  );
});

test("an op that is not elementwise is refused by name", () => {
  const bad: UpdateRule = { slots: [], scalars: [], update: ({ p }) => ({ p: p.softmax(), slots: {} }) };
  expect(() => compileUpdate(bad)).toThrow(/update rule: expected elementwise ops.*got softmax.*E_KERNEL/);
});

test("sign, reciprocal and logic follow IEEE, zeros and NaN kept", () => {
  const logic: UpdateRule = {
    slots: ["m", "v"],
    scalars: [],
    update: ({ p, g, slots }) => ({
      p: p.sign(),
      slots: {
        m: where(
          g
            .less(0)
            .or(p.less(0))
            .and(g.less(0).and(p.less(0)).not()),
          1,
          0,
        ),
        v: slots["v"]!.reciprocal(),
      },
    }),
  };
  const { views, kernels } = instantiate(4, logic);
  views[0]!.set([-2, -0, Number.NaN, 3]);
  views[1]!.set([-1, -1, 1, 1]);
  views[3]!.set([4, 0, -0, Number.POSITIVE_INFINITY]);
  kernels.update(16, ...views.map((view) => view.byteOffset));
  expect([...views[0]!]).toEqual([-1, -0, Number.NaN, 1]);
  expect([...views[2]!]).toEqual([0, 1, 0, 0]);
  expect([...views[3]!]).toEqual([0.25, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0]);
});
