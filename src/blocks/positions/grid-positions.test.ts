import { describe, expect, test } from "vitest";
import { buildSpec, canonicalSpec } from "../../spec/index.ts";
import { concat, constant } from "../../tensor/index.ts";
import { positionSuite, randomNormal, run } from "../../testing/index.ts";
import { plainIo, weightsFrom } from "../../testing/part.ts";
import { learned2d } from "./learned-2d.ts";
import { rope2d } from "./rope-2d.ts";
import { sinusoidal } from "./sinusoidal.ts";
import { sinusoidal2d } from "./sinusoidal-2d.ts";

/** Row and column of a position behind `front` tokens; undefined for those. */
const placeOf = (position: number, { columns, front }: { columns: number; front: number }) => {
  const cell = position - front;
  return cell < 0 ? undefined : { row: Math.floor(cell / columns), column: cell % columns };
};

positionSuite(sinusoidal2d, {
  configs: [{ columns: 3 }, { columns: 2, base: 50, front: 1 }],
  embed: ({ x, positions, c, d: { D, waves } }) =>
    x.map((row, b) =>
      row.map((token, t) => {
        const place = placeOf(positions[b]![t]!, c);
        if (!place) return token;
        return token.map((value, i) => {
          const along = i < D / 2 ? place.column : place.row;
          const angle = along * c.base ** (-(i % waves) / waves);
          return value + (i % (D / 2) < waves ? Math.sin(angle) : Math.cos(angle));
        });
      }),
    ),
});

positionSuite(learned2d, {
  configs: [
    { columns: 3, max: 4 },
    { columns: 2, front: 1, max: 8 },
  ],
  embed: ({ x, positions, c, p }) =>
    x.map((row, b) =>
      row.map((token, t) => {
        const place = placeOf(positions[b]![t]!, c);
        return token.map((value, i) => (place ? value + p.rows[place.row]![i]! + p.columns[place.column]![i]! : value));
      }),
    ),
});

positionSuite(rope2d, {
  configs: [{ columns: 3 }, { columns: 2, layout: "interleaved", base: 20, front: 1 }],
  rotate: ({ x, positions, c, d: { K, waves } }) =>
    x.map((heads, b) =>
      heads.map((row) =>
        row.map((vector, t) => {
          const place = placeOf(positions[b]![t]!, c);
          const turned = [...vector];
          for (let pair = 0; place && pair < K / 2; pair++) {
            const [first, second] = c.layout === "halves" ? [pair, pair + K / 2] : [2 * pair, 2 * pair + 1];
            const along = pair < waves ? place.row : place.column;
            const angle = along * c.base ** (-(pair % waves) / waves);
            turned[first] = vector[first]! * Math.cos(angle) - vector[second]! * Math.sin(angle);
            turned[second] = vector[second]! * Math.cos(angle) + vector[first]! * Math.sin(angle);
          }
          return turned;
        }),
      ),
    ),
});

describe("rope-2d", () => {
  test("scores depend on the distances along both axes, on a grid that the model is given", () => {
    const grid = [40, 50] as const;
    const [q, k] = [randomNormal("q", [1, 8]), randomNormal("k", [1, 8])];
    const score = (at: readonly [number, number], other: readonly [number, number]) => {
      const c = rope2d.config.parse({});
      const turned = (x: typeof q, [row, column]: readonly [number, number]) => {
        const context = { c, d: rope2d.dims(c, 8), p: {}, b: {}, io: { ...plainIo("eval"), grid } };
        return rope2d.rotate!(
          constant(x.data, [1, 1, 1, 8]),
          constant([row * grid[1] + column], [1, 1], "i32"),
          context,
        );
      };
      return run({ inputs: {}, build: () => ({ y: turned(q, at).mul(turned(k, other)).sum() }) }).y!.data[0]!;
    };
    const here = score([3, 7], [5, 2]);
    expect(score([13, 27], [15, 22])).toBeCloseTo(here, 6);
    expect(score([13, 27], [15, 23])).not.toBeCloseTo(here, 3);
    expect(score([13, 27], [16, 22])).not.toBeCloseTo(here, 3);
  });
});

test("[pe-2d] the fixed table is two tables of one axis side by side, the learned one the sum of two, on any grid", () => {
  const [rows, columns, D] = [3, 5, 8];
  const cells = Array.from({ length: rows * columns }, (_, n) => n);
  const at = { b: {}, io: { ...plainIo("eval"), grid: [rows, columns] as const } };
  const nothing = constant(new Float64Array(rows * columns * D), [1, rows * columns, D]);
  const places = (of: (n: number) => number) => constant(cells.map(of), [1, rows * columns], "i32");
  const tables = { rows: randomNormal("rows", [4, D]), columns: randomNormal("columns", [6, D]) };
  const { whole, halves, learned, sums } = run({
    inputs: tables,
    build: (leaves) => {
      const c = sinusoidal2d.config.parse({});
      const one = sinusoidal.config.parse({ layout: "halves" });
      const along = (of: (n: number) => number) =>
        sinusoidal.embed!(nothing.slice(2, 0, D / 2), places(of), {
          ...at,
          c: one,
          d: sinusoidal.dims(one, D / 2),
          p: {},
        });
      const table = learned2d.config.parse({ max: 6 });
      const padded = { rows: leaves.rows!.pad(0, 0, 2), columns: leaves.columns! };
      const pick = (name: "rows" | "columns", of: (n: number) => number) => leaves[name]!.gather(0, places(of));
      return {
        whole: sinusoidal2d.embed!(
          nothing,
          places((n) => n),
          { ...at, c, d: sinusoidal2d.dims(c, D), p: {} },
        ),
        halves: concat(2, [along((n) => n % columns), along((n) => Math.floor(n / columns))]),
        learned: learned2d.embed!(
          nothing,
          places((n) => n),
          {
            ...at,
            c: table,
            d: learned2d.dims(table, D),
            p: weightsFrom(padded),
          },
        ),
        sums: pick("rows", (n) => Math.floor(n / columns)).add(pick("columns", (n) => n % columns)),
      };
    },
  });
  expect(whole!.data).toEqual(halves!.data);
  expect(learned!.data).toEqual(sums!.data);
});

test("learned-2d refuses grids larger than its tables", () => {
  const c = learned2d.config.parse({ max: 2 });
  const x = constant(new Float64Array(6 * 4), [1, 6, 4]);
  const positions = constant([0, 1, 2, 3, 4, 5], [1, 6], "i32");
  const p = weightsFrom({
    rows: constant(new Float64Array(8), [2, 4]),
    columns: constant(new Float64Array(8), [2, 4]),
  });
  const at = { c, d: { D: 4, max: 2 }, p, b: {}, io: { ...plainIo("eval"), grid: [2, 3] as const } };
  expect(() => learned2d.embed!(x, positions, at)).toThrow("expected a grid of at most 2 rows and columns, got 2 × 3");
});

test("a transformer over patches takes them below and in its attention, with the grid of its embedding", () => {
  const spec = (positions: object) =>
    canonicalSpec({
      name: "patches",
      width: 16,
      embedding: { kind: "features", size: 3, grid: [3, 5], positions },
      layers: [{ mixer: { kind: "attention", heads: 2, causal: false, positions: { kind: "rope-2d" } } }],
      head: { kind: "classes", classes: 2 },
      objective: { kind: "classification" },
    });
  const embed = (io: { grid?: readonly [number, number] }) => {
    const c = sinusoidal2d.config.parse({ columns: 5 });
    const x = constant(new Float64Array(15 * 8), [1, 15, 8]);
    const positions = constant(
      Array.from({ length: 15 }, (_, i) => i),
      [1, 15],
      "i32",
    );
    const at = { c, d: sinusoidal2d.dims(c, 8), p: {}, b: {}, io: { ...plainIo("eval"), ...io } };
    return run({ inputs: {}, build: () => ({ y: sinusoidal2d.embed!(x, positions, at) }) }).y!.data;
  };
  expect(embed({ grid: [3, 5] })).toEqual(embed({}));
  expect(embed({ grid: [5, 3] })).not.toEqual(embed({}));
  for (const kind of ["sinusoidal-2d", "learned-2d"])
    expect(buildSpec(spec({ kind }), { tokens: 1 }).model.outputs).toBe(2);
});
