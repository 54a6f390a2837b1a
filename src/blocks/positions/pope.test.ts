import { expect, test } from "vitest";
import { constant, iota } from "../../tensor/index.ts";
import { positionSuite, randomNormal, run } from "../../testing/index.ts";
import { plainIo, weightsFrom } from "../../testing/part.ts";
import { pope } from "./pope.ts";

positionSuite(pope, {
  configs: [{}, { base: 100 }],
  rotate: ({ x, positions, c }) =>
    x.map((heads, b) =>
      heads.map((rows) =>
        rows.map((row, t) => {
          const sizes = row.map((value) => Math.log1p(Math.exp(value)));
          const angle = (i: number) => positions[b]![t]! * c.base ** (-i / row.length);
          return [
            ...sizes.map((size, i) => size * Math.cos(angle(i))),
            ...sizes.map((size, i) => size * Math.sin(angle(i))),
          ];
        }),
      ),
    ),
  width: 4,
});

test("scores depend on distances only, and keys turn by what they have learned beside", () => {
  const [K, T] = [4, 6];
  const c = pope.config.parse({});
  const d = pope.dims(c, K);
  const scoresFrom = (start: number) =>
    run({
      inputs: { q: randomNormal("q", [1, 1, T, K]), k: randomNormal("k", [1, 1, T, K]) },
      build: ({ q, k }) => {
        const p = weightsFrom({ phase: constant([-1, -2, -3, 5], [1, 1, K]) });
        const positions = iota(T).add(start).unsqueeze(0);
        const turned = (side: "query" | "key") => {
          const at = { c, d, p, b: {}, io: plainIo("eval"), side };
          return pope.rotate!(side === "query" ? q! : k!, positions, at);
        };
        return { scores: turned("query").matmul(turned("key"), { transB: true }), keys: turned("key") };
      },
    });
  const [here, there] = [scoresFrom(0), scoresFrom(1000)];
  expect(there.scores!).toBeAllclose(here.scores!, { tolerance: 1e-5 });
  const sizes = randomNormal("k", [1, 1, T, K]).data.map((value) => Math.log1p(Math.exp(value)));
  const phases = [-1, -2, -3, 0];
  for (let i = 0; i < K; i++) expect(here.keys!.data[i]).toBeCloseTo(sizes[i]! * Math.cos(phases[i]!), 10);
});
