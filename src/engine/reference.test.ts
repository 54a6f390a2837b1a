import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { apply1, constant, type DType, input, type Tensor, where } from "../tensor/index.ts";
import { compileReference, runReference } from "./reference.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** Elements of one result over constants. */
const values = (t: Tensor) => [...runReference([t], {})[0]!];
const vector = (list: readonly number[], dtype: DType = "f32") => constant(list, [list.length], dtype);

describe("integer arithmetic", () => {
  const word = (dtype: "i32" | "u32") =>
    dtype === "i32" ? fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) : fc.integer({ min: 0, max: 2 ** 32 - 1 });
  const wrap = { i32: (x: bigint) => Number(BigInt.asIntN(32, x)), u32: (x: bigint) => Number(BigInt.asUintN(32, x)) };
  const exact: Record<string, (a: bigint, b: bigint) => bigint> = {
    add: (a, b) => a + b,
    sub: (a, b) => a - b,
    mul: (a, b) => a * b,
    div: (a, b) => a / b,
    mod: (a, b) => a % b,
    bitAnd: (a, b) => a & b,
    bitOr: (a, b) => a | b,
    bitXor: (a, b) => a ^ b,
  };

  it.each(["i32", "u32"] as const)("of %s wraps modulo 2³² and divides towards zero", (dtype) => {
    fc.assert(
      fc.property(
        word(dtype),
        word(dtype).filter((b) => b !== 0),
        (a, b) => {
          for (const [op, f] of Object.entries(exact))
            expect([op, ...values(apply1(op as "add", [vector([a], dtype), vector([b], dtype)], {}))]).toEqual([
              op,
              wrap[dtype](f(BigInt(a), BigInt(b))),
            ]);
        },
      ),
    );
  });

  it("raises to powers and shifts by any amount", () => {
    fc.assert(
      fc.property(word("u32"), fc.integer({ min: 0, max: 40 }), (a, b) => {
        const [x, n] = [vector([a], "u32"), vector([b], "u32")];
        expect(values(x.pow(n))).toEqual([wrap.u32(BigInt(a) ** BigInt(b))]);
        expect(values(x.shiftRight(n))).toEqual([Number(BigInt(a) >> BigInt(b))]);
        expect(values(x.shiftLeft(n))).toEqual([wrap.u32(BigInt(a) << BigInt(b))]);
      }),
    );
  });

  it("keeps sums of an axis in 32 bits", () => {
    const x = vector([2 ** 31 - 1, 2], "i32");
    expect(values(x.sum())).toEqual([-(2 ** 31) + 1]);
    expect(values(x.cumsum(0))).toEqual([2 ** 31 - 1, -(2 ** 31) + 1]);
    expect(values(vector([2 ** 31, 2 ** 31], "u32").sum())).toEqual([0]);
    expect(values(vector([65537, 65537], "u32").prod())).toEqual([131073]);
    expect(values(vector([5, -(2 ** 31)], "i32").neg())).toEqual([-5, -(2 ** 31)]);
  });

  it("casts by truncating and wrapping; anything but zero is true", () => {
    expect(values(vector([2.9, -2.9, 2 ** 32 + 5]).cast("i32"))).toEqual([2, -2, 5]);
    expect(values(vector([-1], "i32").cast("u32"))).toEqual([2 ** 32 - 1]);
    expect(values(vector([0, -0, 0.1, nan]).cast("bool"))).toEqual([0, 0, 1, 1]);
    expect(values(vector([1, 0], "bool").cast("f32"))).toEqual([1, 0]);
  });
});

describe("non-finite and special values", () => {
  it("compares as IEEE 754 does", () => {
    const [a, b] = [vector([nan, 1, inf, -inf, 0]), vector([nan, nan, inf, 0, -0])];
    expect(values(a.less(b))).toEqual([0, 0, 0, 1, 0]);
    expect(values(a.lessEqual(b))).toEqual([0, 0, 1, 1, 1]);
    expect(values(a.equal(b))).toEqual([0, 0, 1, 0, 1]);
    expect(values(a.isNaN())).toEqual([1, 0, 0, 0, 0]);
  });

  it("lets NaN through maximum, minimum and reductions, and counts it as greatest in searches", () => {
    expect(values(vector([nan, 1, 3]).maximum(2))).toEqual([nan, 2, 3]);
    expect(values(vector([1, nan, 3]).minimum(2))).toEqual([1, nan, 2]);
    expect(values(vector([1, nan, 3]).max())).toEqual([nan]);
    expect(values(vector([1, nan, 3, nan]).argmax(0))).toEqual([1]);
    expect(values(vector([1, nan, 3]).topk(0, 3).indices)).toEqual([1, 2, 0]);
    expect(values(vector([1, nan, 3]).topk(0, 3, { largest: false }).indices)).toEqual([0, 2, 1]);
  });

  it("rounds halves to even, takes fmod, and powers as IEEE 754 does", () => {
    expect(
      values(apply1("round", [vector([0.5, 1.5, 2.5, -0.5, -1.5, 0.49999999999999994, 4503599627370497])], {})),
    ).toEqual([0, 2, 2, -0, -2, 0, 4503599627370497]);
    expect(values(vector([5.5, -5.5, 5.5]).mod(vector([3, 3, -3])))).toEqual([2.5, -2.5, 2.5]);
    expect(values(vector([1, 1, -1, 0, nan, -8]).pow(vector([nan, inf, -inf, -1, 0, 1 / 3])))).toEqual([
      1,
      1,
      1,
      inf,
      1,
      nan,
    ]);
  });

  it("never touches the branch not taken", () => {
    expect(values(where(vector([1, 0], "bool"), vector([1, inf]), vector([nan, 2])))).toEqual([1, 2]);
  });

  it("has exact neutral elements for empty axes", () => {
    const none = input("none", [0]);
    const results = runReference([none.sum(), none.prod(), none.max(), none.min(), none.softmax()], { none: [] });
    expect(results.map((r) => [...r])).toEqual([[0], [1], [-inf], [inf], []]);
    expect(() => runReference([input("x", [2, 0]).argmax(1)], { x: [] })).toThrow("[E_EMPTY]");
  });

  it("computes erf to 1e-15", () => {
    const known = [
      [1e-300, 1.1283791670955126e-300],
      [1e-8, 1.1283791670955126e-8],
      [0.1, 0.1124629160182849],
      [0.5, 0.5204998778130465],
      [1, 0.8427007929497149],
      [1.5, 0.9661051464753108],
      [2, 0.9953222650189527],
      [3, 0.9999779095030014],
      [4, 0.9999999845827421],
    ] as const;
    for (const [x, y] of known)
      for (const sign of [1, -1])
        expect(Math.abs(values(vector([sign * x]).erf())[0]! / (sign * y) - 1)).toBeLessThan(1e-15);
    expect(values(vector([inf, -inf, nan, 7]).erf())).toEqual([1, -1, nan, 1]);
    const [below, above] = values(vector([2.5 - 1e-12, 2.5]).erf());
    expect(above! - below!).toBeCloseTo((2 / Math.sqrt(Math.PI)) * Math.exp(-6.25) * 1e-12, 15);
  });

  it("keeps sigmoid and softplus finite where they are", () => {
    expect(values(vector([-1000, 0, 1000]).sigmoid())).toEqual([0, 0.5, 1]);
    expect(values(vector([-1000, 1000, inf]).softplus())).toEqual([0, 1000, inf]);
  });
});

describe("running", () => {
  const [x, y] = [input("x", [2]), input("y", [3], "i32")];

  it("names a missing feed, what it needs, and a wrong length", () => {
    expect(() => runReference([x.sum(), y.sum()], { x: [1, 2] })).toThrow(
      'feeds["y"]: expected 3 elements of shape [3], got nothing. The graph needs: x, y. [E_FEED]',
    );
    expect(() => runReference([x], { x: [1, 2, 3] })).toThrow(
      'feeds["x"]: expected 2 elements of shape [2], got 3. [E_FEED]',
    );
  });

  it("refuses indices out of range", () => {
    for (const bad of [3, -1]) {
      const index = vector([bad], "i32");
      for (const make of [
        (t: Tensor) => t.gather(0, index),
        (t: Tensor) => t.gatherElements(0, index),
        (t: Tensor) => t.scatterAdd(0, index, vector([1])),
      ])
        expect(() => runReference([make(vector([1, 2, 3]))], {})).toThrow(
          `expected indices from 0 to 2, got ${bad}. [E_INDEX]`,
        );
    }
  });

  it("returns memory of its own and runs again with other values", () => {
    const fixed = vector([1, 2]);
    const program = compileReference([x, fixed, x.add(fixed), x.reshape([2, 1])]);
    const feed = new Float64Array([5, 6]);
    const results = program.run({ x: feed });
    for (const result of results) result.fill(-1);
    expect([...feed]).toEqual([5, 6]);
    expect(program.run({ x: [7, 8] }).map((r) => [...r])).toEqual([
      [7, 8],
      [1, 2],
      [8, 10],
      [7, 8],
    ]);
  });

  it("gives a product the same bits whatever is transposed", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 30, maxLength: 30 }),
        (list) => {
          const [a, b] = [constant(list.slice(0, 12), [2, 6]), constant(list.slice(12), [6, 3])];
          const plain = values(a.matmul(b));
          expect(values(a.matmul(b.swap(0, 1), { transB: true }))).toEqual(plain);
          expect(values(a.swap(0, 1).matmul(b, { transA: true }))).toEqual(plain);
          expect(values(a.swap(0, 1).matmul(b.swap(0, 1), { transA: true, transB: true }))).toEqual(plain);
        },
      ),
    );
  });
});
