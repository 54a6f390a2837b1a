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
import { linearPhi, pairsNaively } from "./kernel-naive.ts";
import { linearCrossAttention } from "./linear-cross-attention.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof linearCrossAttention.config.parse>,
  ReturnType<typeof linearCrossAttention.dims>
>;

/** The tests' memory is one sequence for the whole batch. */
function naive({ x, p: given, c, d }: At) {
  const p = given as Readonly<Record<string, Loose>>;
  const phi = linearPhi(c);
  const at = { d, p, query: phi, key: phi, epsilon: c.epsilon };
  return { y: x.map((tokens) => pairsNaively(tokens, p.memory as unknown as number[][], at)) };
}

mixerSuite(withMemory(linearCrossAttention as never), {
  configs: [
    { heads: 2 },
    { heads: 4, featureMap: "relu", epsilon: 0.1 },
    { heads: 2, featureMap: "taylor", keySize: 2 },
    { heads: 1, featureMap: "square", keySize: 3, epsilon: 0.1 },
  ],
  width: 4,
  naive: naive as never,
});

describe.each([{ heads: 2 }, { heads: 1, featureMap: "taylor", keySize: 3 }])(
  "linear cross attention %o",
  (options) => {
    const [D, S] = [4, 5];
    const c = linearCrossAttention.config.parse(options);
    const d = linearCrossAttention.dims(c, D);
    const inputs = {
      x: randomNormal("x", [2, 3, D]),
      memory: randomNormal("memory", [2, S, D]),
      ...Object.fromEntries(
        Object.entries(linearCrossAttention.params(d, c)).map(([name, { shape }]) => [name, randomNormal(name, shape)]),
      ),
    };
    const io = plainIo("eval");

    test("a step reads the sums that forward kept, of one size for every source, and nothing of the source", () => {
      const { whole, step, kept } = run({
        inputs,
        build: ({ x, memory, ...tensors }) => {
          const at = { c, d, p: weightsFrom(tensors) as never, b: {} };
          const { y, s } = linearCrossAttention.forward(x!, {
            ...at,
            s: {},
            io: { ...io, memory: { x_BSD: memory! } },
          });
          return { whole: y.at(1, 1), step: linearCrossAttention.step!(x!.at(1, 1), { ...at, s, io }).y, kept: s.S };
        },
      });
      expect(step!).toBeAllclose(whole!, { tolerance: 1e-12 });
      const { memory: shapeOf } = linearCrossAttention.state(d, c).S;
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
            return linearCrossAttention.forward(x!, { ...at, io: { ...io, memory: { x_BSD: x_BSD!, ...mask } } }).y;
          };
          const none = of(memory, new Array<number>(2 * S).fill(0));
          return {
            masked: of(memory, [1, 1, 1, 0, 0, 1, 1, 1, 0, 0]),
            short: of(memory!.slice(1, 0, 3)),
            none: none,
          };
        },
      });
      expect(masked!).toBeAllclose(short!, { tolerance: 1e-12 });
      expect(Math.max(...none!.data.map(Math.abs))).toBe(0);
    });
  },
);
