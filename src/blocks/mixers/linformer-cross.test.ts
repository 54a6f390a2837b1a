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
import { linformerCross } from "./linformer-cross.ts";
import { readSlotsNaively } from "./linformer-naive.ts";

type At = NaiveMixerArguments<ReturnType<typeof linformerCross.config.parse>, ReturnType<typeof linformerCross.dims>>;

/** The tests' memory is one sequence for the whole batch. */
function naive({ x, p: given, c, d }: At) {
  const p = given as Readonly<Record<string, Loose>>;
  const memory = p.memory as unknown as number[][];
  return { y: x.map((tokens) => readSlotsNaively(tokens, memory, { c, d, p })) };
}

mixerSuite(withMemory(linformerCross as never), {
  configs: [
    { heads: 2, slots: 3, maxTokens: 6 },
    { heads: 2, slots: 2, maxTokens: 4, oneKvHead: true, sharedKv: true, outBias: false },
  ],
  width: 4,
  naive: naive as never,
});

describe("linformer cross attention", () => {
  const [D, S] = [4, 5];
  const c = linformerCross.config.parse({ heads: 2, slots: 3, maxTokens: 8 });
  const d = linformerCross.dims(c, D);
  const shapes = Object.entries(linformerCross.params(d, c)).map(([name, { shape }]) => [name, shape] as const);
  const inputs = {
    x: randomNormal("x", [2, 3, D]),
    memory: randomNormal("memory", [2, S, D]),
    ...Object.fromEntries(shapes.map(([name, shape]) => [name, randomNormal(name, shape)])),
  };
  const io = plainIo("eval");

  test("a step reads the slots that forward kept, and nothing of the source", () => {
    const { whole, step } = run({
      inputs,
      build: ({ x, memory, ...tensors }) => {
        const at = { c, d, p: weightsFrom(tensors) as never, b: {} };
        const { y, s } = linformerCross.forward(x!, { ...at, s: {}, io: { ...io, memory: { x_BSD: memory! } } });
        return { whole: y.at(1, 1), step: linformerCross.step!(x!.at(1, 1), { ...at, s, io }).y };
      },
    });
    expect(step!).toBeAllclose(whole!, { tolerance: 1e-12 });
  });

  test("tokens of the source that are not real do not count, and longer sources are refused", () => {
    const { masked, short } = run({
      inputs,
      build: ({ x, memory, ...tensors }) => {
        const at = { c, d, p: weightsFrom(tensors) as never, s: {}, b: {} };
        const mask_BS = constant([1, 1, 1, 0, 0, 1, 1, 1, 0, 0], [2, S], "bool");
        const of = (x_BSD: typeof memory, mask?: typeof mask_BS) =>
          linformerCross.forward(x!, {
            ...at,
            io: { ...io, memory: { x_BSD: x_BSD!, ...(mask && { mask_BS: mask }) } },
          }).y;
        return { masked: of(memory, mask_BS), short: of(memory!.slice(1, 0, 3)) };
      },
    });
    expect(masked!).toBeAllclose(short!, { tolerance: 1e-12 });
    const long = constant(new Float64Array(9 * D), [1, 9, D]);
    const p = weightsFrom(
      Object.fromEntries(shapes.map(([name, shape]) => [name, constant(randomNormal(name, shape).data, shape)])),
    ) as never;
    expect(() =>
      linformerCross.forward(long, { c, d, p, s: {}, b: {}, io: { ...io, memory: { x_BSD: long } } }),
    ).toThrow("E_LENGTH");
  });
});
