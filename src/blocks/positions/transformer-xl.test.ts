import { positionSuite } from "../../testing/index.ts";
import { clip, dot, mapped } from "./distance-naive.fixture.ts";
import { transformerXl } from "./transformer-xl.ts";

const sinusoids = (n: number, { D, base }: { D: number; base: number }) =>
  Array.from({ length: D }, (_, i) => {
    const pair = i % (D / 2);
    const angle = n * base ** ((-2 * pair) / D);
    return i < D / 2 ? Math.sin(angle) : Math.cos(angle);
  });

positionSuite(transformerXl, {
  configs: [{ maxDistance: 9 }, { maxDistance: 3, base: 100 }],
  attends: true,
  rotate: ({ p, x }) =>
    x.map((heads) =>
      heads.map((rows, h) => rows.map((row) => row.map((value, i) => value + (p.content[h] as number[])[i]!))),
    ),
  // The suite's queries stand for those that already carry u.
  bias: ({ c, d, p, queries, keys, q, scale }) =>
    q.map((heads, b) =>
      heads.map((rows, h) =>
        rows.map((row, t) => {
          const [u, v] = [p.content[h], p.place[h]] as number[][];
          const moved = row.map((value, i) => value - u![i]! + v![i]!);
          return keys[b]!.map((key) => {
            const r = sinusoids(clip(queries[b]![t]! - key, c.maxDistance), { D: d.D, base: c.base });
            return scale * dot(moved, mapped(r, { weight: p.map as number[][] }, { h, size: d.K }));
          });
        }),
      ),
    ),
});
