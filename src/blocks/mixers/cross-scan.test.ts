import { describe, expect, test } from "vitest";
import { type Loose, mixerSuite, type NaiveMixerArguments, plainIo, randomNormal, run } from "../../testing/index.ts";
import { contextOf, testedPart, withPrefix } from "../../testing/part.ts";
import type { Mixer } from "../define.ts";
import { crossScan } from "./cross-scan.ts";
import { naiveInner } from "./inner-naive.fixture.ts";
import { range, sum } from "./plain-loops.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof crossScan.config.parse>,
  Record<string, unknown>,
  Record<string, Loose>
>;

const width = 4;

/** Tokens in the order of a direction: places in the sequence. */
function places(tokens: number, { columns, direction }: { columns: number; direction: string }): number[] {
  const rows = range(tokens);
  const down = [...rows].sort((a, b) => (a % columns) - (b % columns) || a - b);
  const order = direction === "right" || direction === "left" ? rows : down;
  return direction === "left" || direction === "up" ? [...order].reverse() : order;
}

mixerSuite(crossScan, {
  configs: [
    { mixer: { kind: "min-gru" }, columns: 4 },
    { mixer: { kind: "min-gru" }, directions: 2 },
    { mixer: { kind: "attention", heads: 2 }, shared: true, columns: 3 },
  ],
  width,
  naive: (({ x, p, c, ...at }: At) => {
    const directions = ["right", "left", "down", "up"].slice(0, c.directions);
    const scanned = directions.map((direction) =>
      x.map((tokens) => {
        const order = places(tokens.length, { columns: c.columns, direction });
        const inner = { name: c.shared ? "right" : direction, choice: c.mixer, width };
        const { y } = naiveInner(inner, [order.map((t) => tokens[t]!)], { p, ...at } as never);
        return tokens.map((_, t) => y[0]![order.indexOf(t)]!);
      }),
    );
    return {
      y: x.map((tokens, b) => tokens.map((token, t) => token.map((_, i) => sum(scanned.map((y) => y[b]![t]![i]!))))),
    };
  }) as never,
});

const mixer = crossScan as unknown as Mixer;
const [rows, columns, D] = [3, 5, 4];
const T = rows * columns;

function scanned(options: object, grid: readonly [number, number], order: readonly number[]) {
  const part = testedPart(mixer, { mixer: { kind: "min-gru" }, ...options }, (c) => mixer.dims(c, D));
  const drawn = randomNormal("picture", [1, T, D]);
  const x = {
    shape: drawn.shape,
    data: Float64Array.from(order.flatMap((t) => [...drawn.data.slice(t * D, (t + 1) * D)])),
  };
  const { y } = run({
    inputs: { x, ...withPrefix("p.", part.parameters) },
    build: (at) => ({ y: mixer.forward(at.x!, { ...contextOf(part, at), s: {}, io: { ...plainIo("eval"), grid } }).y }),
  });
  return range(T).map((t) => [...y!.data.slice(t * D, (t + 1) * D)]);
}

describe("[vision-mamba-scan]", () => {
  const plain = range(T);

  test("[vision-mamba-scan] the scan of a reversed picture is the reverse of the scan, that of a transposed one its transpose", () => {
    const turned = [...plain].reverse();
    for (const directions of [2, 4]) {
      const options = { directions, shared: true };
      const there = scanned(options, [rows, columns], turned);
      const here = scanned(options, [rows, columns], plain);
      turned.forEach((t, i) => void there[i]!.forEach((v, k) => void expect(v).toBeCloseTo(here[t]![k]!, 10)));
    }
    // Cell (column, row) of the transposed picture is cell (row, column) of this one.
    const transposed = plain.map((n) => (n % rows) * columns + Math.floor(n / rows));
    const here = scanned({ shared: true }, [rows, columns], plain);
    const there = scanned({ shared: true }, [columns, rows], transposed);
    transposed.forEach((t, i) => void there[i]!.forEach((v, k) => void expect(v).toBeCloseTo(here[t]![k]!, 10)));
  });

  test("[vision-mamba-scan] four directions make one output of the stream's shape, with four sets of weights or one", () => {
    expect(scanned({}, [rows, columns], plain).flat()).toHaveLength(T * D);
    const names = (options: object) => {
      const c = crossScan.config.parse({ mixer: { kind: "mamba" }, ...options });
      return new Set(Object.keys(crossScan.params(crossScan.dims(c, D), c)).map((name) => name.split(".")[0]));
    };
    expect([...names({})]).toEqual(["right", "left", "down", "up"]);
    expect([...names({ directions: 2 })]).toEqual(["right", "left"]);
    expect([...names({ shared: true })]).toEqual(["right"]);
  });

  test("a mixer that looks ahead by itself is refused", () => {
    expect(() => scanned({ mixer: { kind: "fnet" } }, [rows, columns], plain)).toThrow(
      /cross-scan\.mixer\.fnet.*E_BIDIRECTIONAL/,
    );
  });
});
