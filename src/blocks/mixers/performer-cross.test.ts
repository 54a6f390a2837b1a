import { describe, expect, test } from "vitest";
import { constant } from "../../tensor/index.ts";
import {
  type Loose,
  mixerSuite,
  type NaiveMixerArguments,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
  withMemory,
} from "../../testing/index.ts";
import { efficientNaively, largestProjection, pairsNaively, performerPhi } from "./kernel-naive.ts";
import { performerCross } from "./performer-cross.ts";

type At = NaiveMixerArguments<ReturnType<typeof performerCross.config.parse>, ReturnType<typeof performerCross.dims>>;

/** The tests' memory is one sequence for the whole batch. */
function naive({ x, p: given, c, d }: At) {
  const p = given as Readonly<Record<string, Loose>>;
  const memory = p.memory as unknown as number[][];
  if (c.kernel === "none") return { y: x.map((tokens) => efficientNaively(tokens, memory, { d, p })) };
  const P = p.features as unknown as number[][];
  const options = { kernel: c.kernel, epsilon: c.epsilon ?? (c.kernel === "relu" ? 1e-3 : 1e-4) };
  const phi = (one: number[], all: readonly number[][]) => {
    const shift = c.stabiliser === "max" ? Math.max(...all.map((row) => largestProjection(row, P))) : 0;
    return performerPhi(one, P, { ...options, shift });
  };
  const at = { d, p, query: (q: number[]) => phi(q, [q]), key: phi, epsilon: 0 };
  return { y: x.map((tokens) => pairsNaively(tokens, memory, at)) };
}

mixerSuite(withMemory(performerCross as never), {
  configs: [
    { heads: 2, features: 3 },
    { heads: 1, features: 5, kernel: "relu" },
    { heads: 2, features: 4, stabiliser: "max", epsilon: 0 },
    { heads: 2, kernel: "none" },
  ],
  width: 4,
  naive: naive as never,
});

describe.each([
  { heads: 2, features: 6 },
  { heads: 2, features: 6, stabiliser: "max" },
  { heads: 2, kernel: "none" },
])("performer cross attention %o", (options) => {
  const [D, S] = [4, 5];
  const c = performerCross.config.parse(options);
  const d = performerCross.dims(c, D);
  const inputs = {
    x: randomNormal("x", [2, 3, D]),
    memory: randomNormal("memory", [2, S, D]),
    ...Object.fromEntries(
      Object.entries(performerCross.params(d, c)).map(([name, { shape }]) => [name, randomNormal(name, shape)]),
    ),
  };
  const io = plainIo("eval");

  test("a step reads the sums that forward kept, of one size for every source, and nothing of the source", () => {
    const { whole, step, kept } = run({
      inputs,
      build: ({ x, memory, ...tensors }) => {
        const at = { c, d, p: weightsFrom(tensors) as never, b: {} };
        const { y, s } = performerCross.forward(x!, { ...at, s: {}, io: { ...io, memory: { x_BSD: memory! } } });
        return { whole: y.at(1, 1), step: performerCross.step!(x!.at(1, 1), { ...at, s, io }).y, kept: s.S };
      },
    });
    expect(step!).toBeAllclose(whole!, { tolerance: 1e-12 });
    const { memory: shapeOf } = performerCross.state(d, c).S;
    expect(kept!.shape).toEqual([2, ...shapeOf(S)]);
    expect(shapeOf(1000)).toEqual(shapeOf(1));
  });

  test("tokens of the source that are not real do not count; a source without any gives the output's offset", () => {
    const { masked, short, none } = run({
      inputs,
      build: ({ x, memory, ...tensors }) => {
        const at = { c, d, p: weightsFrom(tensors) as never, s: {}, b: {} };
        const of = (x_BSD: typeof memory, real?: number[]) => {
          const mask = real && { mask_BS: constant(real, [2, S], "bool") };
          return performerCross.forward(x!, { ...at, io: { ...io, memory: { x_BSD: x_BSD!, ...mask } } }).y;
        };
        const none = of(memory, new Array<number>(2 * S).fill(0));
        return {
          masked: of(memory, [1, 1, 1, 0, 0, 1, 1, 1, 0, 0]),
          short: of(memory!.slice(1, 0, 3)),
          none: none.sub(tensors.outBias!),
        };
      },
    });
    expect(masked!).toBeAllclose(short!, { tolerance: 1e-12 });
    expect(Math.max(...none!.data.map(Math.abs))).toBe(0);
  });
});
