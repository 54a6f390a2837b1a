import { expect, test } from "vitest";
import { iota } from "../../tensor/index.ts";
import { positionSuite } from "../../testing/index.ts";
import { plainIo } from "../../testing/part.ts";
import { clip, dot } from "./distance-naive.fixture.ts";
import { relative } from "./relative.ts";

positionSuite(relative, {
  configs: [{ maxDistance: 2 }, { maxDistance: 9 }],
  attends: true,
  bias: ({ c, p, queries, keys, q, scale }) =>
    q.map((heads, b) =>
      heads.map((rows) =>
        rows.map((vector, t) =>
          keys[b]!.map((key) => {
            const row = clip(key - queries[b]![t]!, c.maxDistance) + c.maxDistance;
            return scale * dot(vector, p.keys[row]! as number[]);
          }),
        ),
      ),
    ),
});

test("without queries it says what it needs", () => {
  const c = relative.config.parse({});
  const at = { c, d: relative.dims(c, 4), p: {} as never, b: {}, io: plainIo("eval"), heads: 1 };
  expect(() => relative.bias!({ ...at, queries_BT: iota(3), keys_BS: iota(3) })).toThrow(/E_POSITION/);
});
