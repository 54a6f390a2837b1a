import { expect, test } from "vitest";
import { constant, input, zeros } from "../../tensor/index.ts";
import { positionSuite, randomNormal, run } from "../../testing/index.ts";
import { contextOf, plainIo, testedPart } from "../../testing/part.ts";
import { learned } from "./learned.ts";

const part = testedPart(learned as never, { max: 6 }, (c) => learned.dims(c as { max: number }, 4));
const embedded = (positions: readonly number[]) => {
  const at = { ...contextOf(part, { "p.table": input("table", [6, 4]) }), io: plainIo("eval") };
  return learned.embed!(
    zeros([1, positions.length, 4]),
    constant(positions, [1, positions.length], "i32"),
    at as never,
  );
};

test("max × D parameters, one row per position", () => {
  const table = randomNormal("table", [6, 4]);
  expect(part.parameters.table!.shape).toEqual([6, 4]);
  expect(learned.limit!({ max: 6 })).toBe(6);
  const build = () => ({ y: embedded([0, 5, 2]) });
  const { y } = run({ inputs: { table }, build });
  expect([...y!.data]).toEqual([0, 5, 2].flatMap((row) => [...table.data.subarray(4 * row, 4 * row + 4)]));
});

test("more tokens than positions are rejected, and so is an index beyond the table", () => {
  expect(() => embedded([0, 1, 2, 3, 4, 5, 6])).toThrow(
    "expected at most 6 tokens, one for each learned position, got 7",
  );
  const table = randomNormal("table", [6, 4]);
  expect(() => run({ inputs: { table }, build: () => ({ y: embedded([6]) }) })).toThrow("E_INDEX");
});

positionSuite(learned, {
  configs: [{ max: 8 }, { max: 8, unit: true }],
  embed: ({ x, positions, p, c }) =>
    x.map((row, b) =>
      row.map((token, t) => {
        const place = p.table[positions[b]![t]!]!;
        const size = c.unit ? Math.hypot(...place) : 1;
        return token.map((value, i) => value + place[i]! / size);
      }),
    ),
});
