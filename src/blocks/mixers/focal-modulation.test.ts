import { describe, expect, test } from "vitest";
import { constant } from "../../tensor/index.ts";
import { mixerSuite, type NaiveMixerArguments, plainIo, randomNormal, run, weightsFrom } from "../../testing/index.ts";
import { naiveActivations } from "../channels/activations-naive.ts";
import { focalModulation } from "./focal-modulation.ts";
import { convolveCells, type Kernel } from "./grid-naive.ts";
import { range, sum, times } from "./plain-loops.ts";

type C = ReturnType<typeof focalModulation.config.parse>;
type At = NaiveMixerArguments<C, ReturnType<typeof focalModulation.dims>>;
type Matrix = readonly (readonly number[])[];

const { gelu } = naiveActivations;

/** Yang et al. 2022, eq. 4–7, cell by cell. */
function naive({ x, p, c, d }: At) {
  const map = (row: readonly number[], name: string) =>
    times(row, p[name] as unknown as Matrix, p[`${name}Bias`] as number[] | undefined);
  const y = x.map((tokens) => {
    const rows = Math.ceil(tokens.length / c.columns);
    const mapped = tokens.map((token) => map(token, "in"));
    let z = mapped.map((row) => row.slice(d.D, 2 * d.D));
    const levels = range(d.L).map((level) => {
      const kernel = p[`kernel${level}`] as unknown as Kernel;
      const seen = convolveCells(z, kernel, { rows, columns: c.columns, groups: d.D });
      z = tokens.map((_, t) => seen[t]!.map(gelu));
      return z;
    });
    const whole = range(d.D).map((i) => gelu(sum(z.map((row) => row[i]!)) / tokens.length));
    return mapped.map((row, t) => {
      const gates = row.slice(2 * d.D);
      const contexts = [...levels.map((level) => level[t]!), whole];
      const modulator = range(d.D).map((i) => sum(contexts.map((context, l) => context[i]! * gates[l]!)));
      const factors = map(modulator, "modulate");
      return map(
        factors.map((factor, i) => factor * row[i]!),
        "out",
      );
    });
  });
  return { y };
}

mixerSuite(focalModulation, {
  configs: [
    { columns: 3, levels: 1 },
    { columns: 3, levels: 2, window: 2, growth: 1, bias: false },
  ],
  width: 4,
  naive: naive as never,
});

describe("contexts", () => {
  /** Which tokens of a grid of 7 × 7 change with the one in the corner, with these gates. */
  function seen(gates: readonly number[]): number[] {
    const D = 2;
    const c = focalModulation.config.parse({ levels: 2, growth: 2, columns: 7 });
    const d = focalModulation.dims(c, D);
    const shapes = Object.entries(focalModulation.params(d, c)).map(([name, { shape }]) => {
      const { data } = randomNormal(name, shape);
      return [name, constant(name === "in" ? data.map((v, i) => (i % 7 < 2 * D ? v : 0)) : data, shape)] as const;
    });
    const weights = {
      ...Object.fromEntries(shapes),
      inBias: constant([0.3, 0.5, 0, 0, ...gates], [7]),
      modulateBias: constant([0, 0], [2]),
    };
    const at = { c, d, p: weightsFrom(weights) as never, s: {}, b: {}, io: plainIo("eval") };
    const x = randomNormal("x", [1, 49, D]);
    const outputs = [0, 1].map((move) => {
      const data = x.data.map((value: number, i: number) => (i < D ? value + move : value));
      return run({ inputs: { x: { ...x, data } }, build: ({ x }) => ({ y: focalModulation.forward(x!, at).y }) }).y!;
    });
    return range(49).filter((t) => range(D).some((i) => outputs[0]!.data[t * D + i] !== outputs[1]!.data[t * D + i]));
  }
  const square = (side: number) => range(49).filter((t) => Math.floor(t / 7) < side && t % 7 < side);

  test("a level reaches as far as the windows up to it; the last one is the whole grid", () => {
    expect(seen([0, 0, 0])).toEqual([]);
    expect(seen([1, 0, 0])).toEqual(square(2));
    expect(seen([0, 1, 0])).toEqual(square(4));
    expect(seen([0, 0, 1])).toEqual(range(49));
  });
});
