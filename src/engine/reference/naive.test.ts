/** Every op against its definition, element by element, on random shapes with empty and size-1 axes. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  apply1,
  concat,
  conv,
  input,
  type Shape,
  scan,
  sizeOf,
  stridesOf,
  type Tensor,
  where,
} from "../../tensor/index.ts";
import { runReference } from "../reference.ts";

type Index = readonly number[];

/** A named array: fed to the graph and read element by element. */
interface Fed {
  t: Tensor;
  data: Float64Array;
  at(index: Index): number;
}

function fed(name: string, shape: Shape, element: (i: number) => number, dtype: "f32" | "i32" = "f32"): Fed {
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, i) => element(i));
  const strides = stridesOf(shape);
  return {
    t: input(name, shape, dtype),
    data,
    at: (index) => data[index.reduce((sum, i, axis) => sum + i * strides[axis]!, 0)]!,
  };
}

/** Distinct values with many digits, of both signs. */
const wavy = (i: number) => Math.sin(i * 1.7 + 0.3) * 3;

function* indicesOf(shape: Shape): Generator<Index> {
  const strides = stridesOf(shape);
  for (let i = 0; i < sizeOf(shape); i++) yield shape.map((dim, axis) => Math.floor(i / strides[axis]!) % dim);
}

/** The graph's result equals the value that the definition gives at every index. */
function expectElements(y: Tensor, feeds: readonly Fed[], definition: (index: Index) => number): void {
  const named = Object.fromEntries(feeds.map(({ t, data }) => [t.node.op === "input" ? t.node.attrs.name : "", data]));
  const [actual] = runReference([y], named);
  const expected = Float64Array.from(indicesOf(y.shape), definition);
  expect(actual!.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) expect(actual![i]).toBeCloseTo(expected[i]!, 10);
}

const dims = (max = 4) => fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: max });
const someAxes = (rank: number) => fc.subarray(Array.from({ length: rank }, (_, i) => i));
const check = <T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => void, numRuns = 100) =>
  fc.assert(fc.property(arbitrary, property), { numRuns });

/** The index into an operand of this shape when it is broadcast. */
const broadcast = (index: Index, shape: Shape): Index =>
  shape.map((dim, i) => (dim === 1 ? 0 : index[index.length - shape.length + i]!));

/** A shape with a random choice of axes shrunk to 1 and of leading axes left out. */
const shrunk = (shape: Shape) =>
  fc
    .tuple(
      fc.integer({ min: 0, max: shape.length }),
      fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }),
    )
    .map(([drop, ones]) => shape.map((dim, i) => (ones[i] ? 1 : dim)).slice(drop));

describe("ops against their definitions", () => {
  it("broadcasts elementwise ops", () => {
    const shapes = dims().chain((shape) => fc.tuple(fc.constant(shape), shrunk(shape), shrunk(shape)));
    check(shapes, ([shape, left, right]) => {
      const [a, b] = [fed("a", left, wavy), fed("b", right, (i) => wavy(i + 7))];
      const wide = fed("wide", shape, (i) => wavy(i + 13));
      const y = where(a.t.less(b.t), a.t.mul(2), b.t.sub(wide.t));
      expectElements(y.add(wide.t), [a, b, wide], (index) => {
        const [p, q] = [a.at(broadcast(index, left)), b.at(broadcast(index, right))];
        return (p < q ? p * 2 : q - wide.at(index)) + wide.at(index);
      });
    });
  });

  it("reduces over any axes", () => {
    const cases = dims().chain((shape) => fc.tuple(fc.constant(shape), someAxes(shape.length), fc.boolean()));
    const fold = {
      sum: (v: number[]) => v.reduce((a, b) => a + b, 0),
      prod: (v: number[]) => v.reduce((a, b) => a * b, 1),
      max: (v: number[]) => Math.max(...v),
      min: (v: number[]) => Math.min(...v),
    };
    check(cases, ([shape, axes, keep]) => {
      const x = fed("x", shape, wavy);
      for (const op of ["sum", "prod", "max", "min"] as const)
        expectElements(x.t[op](axes, keep), [x], (out) => {
          const kept = shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
          const inside = (index: Index) => kept.every((axis, i) => index[axis] === out[keep ? axis : i]);
          return fold[op]([...indicesOf(shape)].filter(inside).map(x.at));
        });
    });
  });

  it("transposes, flips, expands, slices and pads", () => {
    const cases = dims().chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        perm: fc.shuffledSubarray(
          shape.map((_, i) => i),
          { minLength: shape.length },
        ),
        flips: someAxes(shape.length),
        cuts: fc.tuple(
          ...shape.map((dim) =>
            fc.tuple(
              fc.integer({ min: 0, max: dim }),
              fc.integer({ min: 0, max: dim }),
              fc.integer({ min: 1, max: 3 }),
            ),
          ),
        ),
        pads: fc.tuple(...shape.map(() => fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 })))),
        small: shrunk(shape),
      }),
    );
    check(cases, ({ shape, perm, flips, cuts, pads, small }) => {
      const x = fed("x", shape, wavy);
      expectElements(x.t.transpose(perm), [x], (index) => x.at(shape.map((_, axis) => index[perm.indexOf(axis)]!)));
      expectElements(apply1("flip", [x.t], { axes: flips }), [x], (index) =>
        x.at(index.map((i, axis) => (flips.includes(axis) ? shape[axis]! - 1 - i : i))),
      );
      const sliced = cuts.reduce((t, [a, b, step], axis) => t.slice(axis, Math.min(a, b), Math.max(a, b), step), x.t);
      expectElements(sliced, [x], (index) =>
        x.at(index.map((i, axis) => Math.min(cuts[axis]![0], cuts[axis]![1]) + i * cuts[axis]![2])),
      );
      const padded = apply1("pad", [x.t], { before: pads.map(([n]) => n), after: pads.map(([, n]) => n), value: 9 });
      expectElements(padded, [x], (index) => {
        const inner = index.map((i, axis) => i - pads[axis]![0]);
        return inner.every((i, axis) => i >= 0 && i < shape[axis]!) ? x.at(inner) : 9;
      });
      const s = fed("s", small, wavy);
      expectElements(s.t.expand(shape), [s], (index) => s.at(broadcast(index, small)));
    });
  });

  it("concatenates along any axis", () => {
    const cases = dims()
      .filter((shape) => shape.length > 0)
      .chain((shape) =>
        fc.tuple(
          fc.constant(shape),
          fc.nat(shape.length - 1),
          fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 4 }),
        ),
      );
    check(cases, ([shape, axis, sizes]) => {
      const parts = sizes.map((size, n) =>
        fed(
          `p${n}`,
          shape.map((dim, i) => (i === axis ? size : dim)),
          (i) => wavy(i + 31 * n),
        ),
      );
      expectElements(
        concat(
          axis,
          parts.map(({ t }) => t),
        ),
        parts,
        (index) => {
          let [n, at] = [0, index[axis]!];
          while (at >= sizes[n]!) at -= sizes[n++]!;
          return parts[n]!.at(index.map((i, j) => (j === axis ? at : i)));
        },
      );
    });
  });

  const indexed = dims(3)
    .filter((shape) => shape.length > 0)
    .chain((shape) => fc.tuple(fc.constant(shape), fc.nat(shape.length - 1), fc.nat(50)))
    .filter(([shape, axis]) => shape[axis]! > 0);

  it("gathers slices and elements, scatters sums", () => {
    check(indexed, ([shape, axis, seed]) => {
      const x = fed("x", shape, wavy);
      const pick = (i: number) => (i * 7 + seed) % shape[axis]!;
      const ids = fed("ids", [2, 3], pick, "i32");
      expectElements(x.t.gather(axis, ids.t), [x, ids], (index) =>
        x.at([...index.slice(0, axis), ids.at(index.slice(axis, axis + 2)), ...index.slice(axis + 2)]),
      );
      const places = fed(
        "places",
        shape.map((dim, i) => (i === axis ? 4 : dim)),
        pick,
        "i32",
      );
      const to = (index: Index) => index.map((i, j) => (j === axis ? places.at(index) : i));
      expectElements(x.t.gatherElements(axis, places.t), [x, places], (index) => x.at(to(index)));
      const updates = fed("updates", places.t.shape, (i) => wavy(i + 5));
      expectElements(x.t.scatterAdd(axis, places.t, updates.t), [x, places, updates], (index) =>
        [...indicesOf(places.t.shape)]
          .filter((from) => to(from).join() === index.join())
          .reduce((sum, from) => sum + updates.at(from), x.at(index)),
      );
    });
  });

  it("sums along an axis and finds the greatest, ties by the lower index", () => {
    check(fc.tuple(indexed, fc.boolean(), fc.boolean()), ([[shape, axis, seed], exclusive, reverse]) => {
      const x = fed("x", shape, (i) => ((i * 5 + seed) % 4) - 1);
      const along = (index: Index) =>
        Array.from({ length: shape[axis]! }, (_, i) => x.at(index.map((at, j) => (j === axis ? i : at))));
      expectElements(x.t.cumsum(axis, { exclusive, reverse }), [x], (index) => {
        const at = index[axis]!;
        const covered = (i: number) => (reverse ? i > at : i < at) || (i === at && !exclusive);
        return along(index).reduce((sum, value, i) => (covered(i) ? sum + value : sum), 0);
      });
      const line = (out: Index) => along([...out.slice(0, axis), 0, ...out.slice(axis)]);
      expectElements(x.t.argmax(axis), [x], (out) => line(out).indexOf(Math.max(...line(out))));
      for (const largest of [true, false]) {
        const order = (index: Index) =>
          along(index)
            .map((value, i) => ({ value, i }))
            .sort((a, b) => (largest ? b.value - a.value : a.value - b.value) || a.i - b.i);
        const k = Math.ceil(shape[axis]! / 2);
        expectElements(x.t.topk(axis, k, { largest }).values, [x], (index) => order(index)[index[axis]!]!.value);
        expectElements(x.t.topk(axis, k, { largest }).indices, [x], (index) => order(index)[index[axis]!]!.i);
      }
    });
  });

  it("multiplies matrices in broadcast batches, transposed or not", () => {
    const cases = fc.record({
      batch: dims(2).chain((shape) => fc.tuple(fc.constant(shape), shrunk(shape))),
      m: fc.integer({ min: 0, max: 6 }),
      n: fc.integer({ min: 0, max: 6 }),
      k: fc.integer({ min: 0, max: 9 }),
      transA: fc.boolean(),
      transB: fc.boolean(),
      swap: fc.boolean(),
    });
    check(cases, ({ batch: [wide, narrow], m, n, k, transA, transB, swap }) => {
      const [left, right] = swap ? [narrow, wide] : [wide, narrow];
      const a = fed("a", [...left, ...(transA ? [k, m] : [m, k])], wavy);
      const b = fed("b", [...right, ...(transB ? [n, k] : [k, n])], (i) => wavy(i + 3));
      expectElements(a.t.matmul(b.t, { transA, transB, alpha: -0.5 }), [a, b], (index) => {
        const [i, j] = index.slice(-2) as [number, number];
        const term = (p: number) =>
          a.at([...broadcast(index.slice(0, -2), left), ...(transA ? [p, i] : [i, p])]) *
          b.at([...broadcast(index.slice(0, -2), right), ...(transB ? [j, p] : [p, j])]);
        return -0.5 * Array.from({ length: k }, (_, p) => term(p)).reduce((sum, value) => sum + value, 0);
      });
    });
  });

  it("convolves, and its transpose is the adjoint", () => {
    const axis = fc.record({
      size: fc.integer({ min: 1, max: 7 }),
      kernel: fc.integer({ min: 1, max: 3 }),
      stride: fc.integer({ min: 1, max: 3 }),
      dilation: fc.integer({ min: 1, max: 2 }),
      before: fc.nat(2),
      after: fc.nat(2),
    });
    const cases = fc
      .record({ axes: fc.array(axis, { minLength: 1, maxLength: 2 }), groups: fc.integer({ min: 1, max: 2 }) })
      .filter(({ axes }) => axes.every((a) => a.size + a.before + a.after > a.dilation * (a.kernel - 1)));
    check(cases, ({ axes, groups }) => {
      const each = <K extends keyof (typeof axes)[number]>(key: K) => axes.map((a) => a[key]);
      const options = {
        strides: each("stride"),
        dilations: each("dilation"),
        pads: [each("before"), each("after")] as [number[], number[]],
        groups,
      };
      const x = fed("x", [2, 2 * groups, ...each("size")], wavy);
      const w = fed("w", [3 * groups, 2, ...each("kernel")], (i) => wavy(i + 9));
      const y = conv(x.t, w.t, options);
      expectElements(y, [x, w], ([b, o, ...at]) => {
        const group = Math.floor(o! / 3);
        return [...indicesOf([2, ...each("kernel")])].reduce((sum, [c, ...tap]) => {
          const from = axes.map((a, i) => at[i]! * a.stride + tap[i]! * a.dilation - a.before);
          return from.every((i, n) => i >= 0 && i < axes[n]!.size)
            ? sum + w.at([o!, c!, ...tap]) * x.at([b!, group * 2 + c!, ...from])
            : sum;
        }, 0);
      });
      const g = fed("g", y.shape, (i) => wavy(i + 11));
      const back = apply1("convTranspose", [g.t, w.t], { ...options, output: each("size") });
      const [forward, backward] = runReference([y.mul(g.t).sum(), back.mul(x.t).sum()], {
        x: x.data,
        w: w.data,
        g: g.data,
      });
      expect(backward![0]).toBeCloseTo(forward![0]!, 8);
    });
  });

  it("scans as the unrolled graph does, forwards and in reverse", () => {
    check(
      fc.tuple(fc.integer({ min: 0, max: 5 }), fc.boolean()),
      ([length, reverse]) => {
        const [xs, h0, w] = [
          fed("xs", [length, 2, 3], wavy),
          fed("h", [2, 3], (i) => wavy(i + 2)),
          fed("w", [3, 3], (i) => wavy(i + 4)),
        ];
        const step = (h: Tensor, x: Tensor) => h.matmul(w.t).tanh().add(x.softmax());
        const scanned = scan({
          init: [h0.t],
          xs: [xs.t],
          reverse,
          step: ([h], [x]) => ({ states: [step(h!, x!)], ys: [h!.mul(x!), w.t] }),
        });
        const order = Array.from({ length }, (_, i) => (reverse ? length - 1 - i : i));
        const states = [h0.t];
        for (const t of order) states.push(step(states.at(-1)!, xs.t.at(0, t)));
        const feeds = { xs: xs.data, h: h0.data, w: w.data };
        const ys = order
          .map((t, n) => ({ t, y: states[n]!.mul(xs.t.at(0, t)) }))
          .sort((a, b) => a.t - b.t)
          .map(({ y }) => y);
        const unrolled = runReference([states.at(-1)!, ...ys], feeds);
        const [state, stacked, repeated] = runReference([...scanned.states, ...scanned.ys], feeds);
        expect(state).toEqual(unrolled[0]);
        expect([...stacked!]).toEqual(unrolled.slice(1).flatMap((y) => [...y]));
        expect([...repeated!]).toEqual(order.flatMap(() => [...w.data]));
      },
      30,
    );
  });
});
