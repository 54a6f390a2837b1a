import { describe, expect, test } from "vitest";
import { constant } from "../../tensor/index.ts";
import { type NdArray, positionSuite, randomNormal, run } from "../../testing/index.ts";
import { plainIo } from "../../testing/part.ts";
import { rope } from "./rope.ts";
import { frequenciesOf } from "./rope-scaling.ts";

type Options = Parameters<typeof rope.config.parse>[0];

/** x [T, K] with row t turned to `positions[t]`. */
function rotated(x: NdArray, positions: readonly number[], options: Options = {}): Float64Array {
  const [T, K] = x.shape as [number, number];
  const c = rope.config.parse(options);
  const at = { c, d: rope.dims(c, K), p: {}, b: {}, io: plainIo("eval") };
  const build = () => ({ y: rope.rotate!(constant(x.data, [1, 1, T, K]), constant(positions, [1, T], "i32"), at) });
  return run({ inputs: {}, build }).y!.data;
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

describe("rope", () => {
  const [q, k] = [randomNormal("q", [1, 8]), randomNormal("k", [1, 8])];
  const layouts: Options[] = [
    {},
    { layout: "interleaved" },
    { rotaryFraction: 0.5 },
    { base: 100, layout: "interleaved", rotaryFraction: 0.75 },
  ];

  test("[rope] scores depend on distances only, norms are kept, and position 0 changes nothing", () => {
    for (const options of layouts) {
      for (const [m, n] of [
        [5, 2],
        [0, 7],
        [300, 41],
      ] as const)
        for (const shift of [1, 17, 4000, 65_536]) {
          const here = dot(rotated(q, [m], options), rotated(k, [n], options));
          const there = dot(rotated(q, [m + shift], options), rotated(k, [n + shift], options));
          expect(Math.abs(here - there)).toBeLessThan(1e-6);
        }
      const turned = rotated(q, [123], options);
      expect(dot(turned, turned)).toBeCloseTo(dot(q.data, q.data), 10);
      expect([...turned]).not.toEqual([...q.data]);
      expect([...rotated(q, [0], options)]).toEqual([...q.data]);
    }
  });

  test("pairs lie in halves or beside each other, and features beyond the fraction stay", () => {
    const x = { shape: [1, 4], data: Float64Array.of(1, 10, 100, 1000) };
    const [c0, s0, c1, s1] = [Math.cos(3), Math.sin(3), Math.cos(0.03), Math.sin(0.03)];
    const close = (actual: Float64Array, expected: number[]) =>
      actual.forEach((value, i) => void expect(value).toBeCloseTo(expected[i]!, 8));
    close(rotated(x, [3]), [c0 - 100 * s0, 10 * c1 - 1000 * s1, 100 * c0 + s0, 1000 * c1 + 10 * s1]);
    close(rotated(x, [3], { layout: "interleaved" }), [
      c0 - 10 * s0,
      10 * c0 + s0,
      100 * c1 - 1000 * s1,
      1000 * c1 + 100 * s1,
    ]);
    close(rotated(x, [3], { rotaryFraction: 0.5 }), [c0 - 10 * s0, 10 * c0 + s0, 100, 1000]);
  });

  test("an odd number of rotated features is no size", () => {
    expect(rope.dims(rope.config.parse({}), 5).pairs).toBe(2.5);
    expect(rope.dims(rope.config.parse({ rotaryFraction: 0.3 }), 20).pairs).toBe(3);
  });
});

describe("scaled frequencies", () => {
  const rotation = { base: 10_000, pairs: 16 };
  const plain = frequenciesOf(rotation, { kind: "none" }).frequencies;

  test("linear divides all, ntk the lowest by the factor and the highest not", () => {
    expect(frequenciesOf(rotation, { kind: "linear", factor: 4 }).frequencies).toEqual(plain.map((f) => f / 4));
    const ntk = frequenciesOf(rotation, { kind: "ntk", factor: 4 }).frequencies;
    expect(ntk[0]).toBe(plain[0]);
    expect(ntk[15]! / plain[15]!).toBeCloseTo(1 / 4, 12);
  });

  test("dynamic stretches as ntk does, from the trained length on, and longrope divides as it is told", () => {
    const at = (length: number) => frequenciesOf(rotation, { kind: "dynamic", factor: 2, trained: 1024, length });
    expect(at(512).frequencies).toEqual(plain);
    expect(at(2048).frequencies).toEqual(frequenciesOf(rotation, { kind: "ntk", factor: 3 }).frequencies);
    const divisors = plain.map((_, i) => 1 + i);
    const long = frequenciesOf(rotation, { kind: "longrope", factor: 4, trained: 1024, divisors });
    expect(long.frequencies).toEqual(plain.map((f, i) => f / (1 + i)));
    expect(long.amplitude).toBeCloseTo(Math.sqrt(1 + Math.log(4) / Math.log(1024)), 12);
    expect(() => frequenciesOf(rotation, { kind: "longrope", factor: 4, trained: 1024, divisors: [1] })).toThrow(
      /E_ROPE_DIVISORS/,
    );
  });

  test("llama3 and yarn keep short wavelengths, divide long ones, and blend in order between", () => {
    const scalings = [
      { kind: "llama3", factor: 8, trained: 1024, low: 1, high: 4 } as const,
      { kind: "yarn", factor: 8, trained: 1024, fast: 32, slow: 1, truncate: true } as const,
    ];
    for (const scaling of scalings) {
      const ratios = frequenciesOf(rotation, scaling).frequencies.map((f, i) => plain[i]! / f);
      expect(ratios[0]).toBeCloseTo(1, 12);
      expect(ratios[15]).toBeCloseTo(8, 12);
      expect(ratios).toEqual([...ratios].sort((a, b) => a - b));
      expect(ratios.some((ratio) => ratio > 1.1 && ratio < 7)).toBe(true);
    }
    expect(frequenciesOf(rotation, scalings[1]!).amplitude).toBeCloseTo(0.1 * Math.log(8) + 1, 12);
  });
});

positionSuite(rope, {
  configs: [{}, { layout: "interleaved", base: 20 }, { rotaryFraction: 0.5, layout: "halves" }],
  rotate: ({ x, positions, c, d: { K } }) => {
    const rotated = K * c.rotaryFraction;
    const pairs = Array.from({ length: rotated / 2 }, (_, i) =>
      c.layout === "halves" ? [i, i + rotated / 2] : [2 * i, 2 * i + 1],
    );
    return x.map((heads, b) =>
      heads.map((row) =>
        row.map((vector, t) => {
          const turned = [...vector];
          pairs.forEach(([first, second], i) => {
            const angle = positions[b]![t]! * c.base ** ((-2 * i) / rotated);
            turned[first!] = vector[first!]! * Math.cos(angle) - vector[second!]! * Math.sin(angle);
            turned[second!] = vector[second!]! * Math.cos(angle) + vector[first!]! * Math.sin(angle);
          });
          return turned;
        }),
      ),
    );
  },
});
