import { describe, expect, test } from "vitest";
import { sampleImage } from "../../ops/index.ts";
import { constant } from "../../tensor/index.ts";
import {
  gradCheck,
  mixerSuite,
  type NaiveMixerArguments,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import { range, sum, times } from "./plain-loops.ts";
import { readBetween } from "./sampled-naive.ts";
import { spatialTransformer } from "./spatial-transformer.ts";

type C = ReturnType<typeof spatialTransformer.config.parse>;
type At = NaiveMixerArguments<C, ReturnType<typeof spatialTransformer.dims>>;
type Matrix = readonly (readonly number[])[];

/** Jaderberg et al. 2015, eq. 1 and 5, cell by cell. */
function naive({ x, p, c, d }: At) {
  const y = x.map((tokens) => {
    const [rows, columns] = [Math.ceil(tokens.length / c.columns), c.columns];
    const mean = range(d.D).map((i) => sum(tokens.map((token) => token[i]!)) / tokens.length);
    const hidden = times(mean, p.in as unknown as Matrix, p.inBias as number[]).map(Math.tanh);
    const found = times(hidden, p.out as unknown as Matrix, p.outBias as number[]);
    const [a, b, e, f, down, along] = d.numbers === 6 ? found : [0, 0, 0, 0, ...found];
    return tokens.map((_, t) => {
      const [r, s] = [Math.floor(t / columns), t % columns];
      const [v, u] = [(2 * r + 1) / rows - 1, (2 * s + 1) / columns - 1];
      const place = [
        r + (rows / 2) * (a! * v + b! * u + down!),
        s + (columns / 2) * (e! * v + f! * u + along!),
      ] as const;
      return readBetween(tokens, place, { rows, columns });
    });
  });
  return { y };
}

mixerSuite(spatialTransformer, {
  configs: [
    { hidden: 3, columns: 3 },
    { hidden: 2, columns: 2, freedom: "shift" },
  ],
  width: 4,
  naive: naive as never,
});

const D = 3;

/** A grid of 4 × 4 read along the map that these offsets of the net make. */
function read(outBias: readonly number[], freedom: "affine" | "shift") {
  const c = spatialTransformer.config.parse({ freedom, columns: 4, hidden: 2 });
  const d = spatialTransformer.dims(c, D);
  const p = weightsFrom({
    in: constant(new Array(2 * D).fill(0.3), [D, 2]),
    inBias: constant([0, 0], [2]),
    out: constant(new Array(2 * d.numbers).fill(0), [2, d.numbers]),
    outBias: constant([...outBias], [d.numbers]),
  });
  const x = randomNormal("image", [1, 16, D]);
  const at = { c, d, p, s: {}, b: {}, io: plainIo("eval") };
  const { y } = run({ inputs: { x }, build: ({ x }) => ({ y: spatialTransformer.forward(x!, at).y }) });
  const token = (data: Float64Array, r: number, s: number) =>
    r < 0 || r > 3 || s < 0 || s > 3
      ? new Array<number>(D).fill(0)
      : Array.from(data.subarray((4 * r + s) * D).slice(0, D), (value) => value + 0);
  const before = (r: number, s: number) => token(x.data as Float64Array, r, s);
  return { before, after: (r: number, s: number) => token(y!.data as Float64Array, r, s) };
}

const cells = range(4).flatMap((r) => range(4).map((s) => [r, s] as const));

describe("[spatial-transformer]", () => {
  test("[spatial-transformer] it starts as the identity, and shifts by whole cells are exact", () => {
    for (const [down, along] of [
      [0, 0],
      [1, 0],
      [-2, 1],
      [0, 3],
    ] as const) {
      const { before, after } = read([down / 2, along / 2], "shift");
      for (const [r, s] of cells) expect(after(r, s)).toEqual(before(r + down, s + along));
    }
  });

  test("[spatial-transformer] a mirrored and a turned image are exact, too", () => {
    const mirrored = read([0, 0, 0, -2, 0, 0], "affine");
    for (const [r, s] of cells) expect(mirrored.after(r, s)).toEqual(mirrored.before(r, 3 - s));
    const turned = read([-1, 1, -1, -1, 0, 0], "affine");
    for (const [r, s] of cells) expect(turned.after(r, s)).toEqual(turned.before(s, 3 - r));
  });

  test("[spatial-transformer] gradients by the image and by the places are the central differences", () => {
    gradCheck(({ image, rows, columns }) => sampleImage(image!, { rows: rows!, columns: columns! }), {
      image: randomNormal("image", [2, 3, 4, 3]),
      rows: { shape: [2, 5], data: Float64Array.from([0.3, 1.4, 2.6, -0.4, 3.3, 0.7, 1.2, 2.2, 3.6, -2.5]) },
      columns: { shape: [2, 5], data: Float64Array.from([1.7, 0.2, -0.6, 1.4, 0.8, 2.3, 0.4, 1.1, 1.6, 0.5]) },
    });
  });
});
