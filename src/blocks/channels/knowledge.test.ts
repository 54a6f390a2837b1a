import { expect, test } from "vitest";
import { parameterCount } from "../../model/index.ts";
import { buildSpec, canonicalSpec } from "../../spec/index.ts";
import {
  channelSuite,
  drawParameters,
  type NaiveTokensArguments,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import { affine } from "./activations-naive.ts";
import { closureOf, knowledge } from "./knowledge.ts";
import { mlp } from "./mlp.ts";

type Weights = Record<"base" | "query" | "key" | "threshold" | "value" | "offset", number[][]>;
type Arguments = Pick<NaiveTokensArguments<{ activation: string }, { K: number }>, "x" | "c" | "d"> & { p: Weights };

channelSuite(knowledge, {
  configs: [{ entries: 5 }, { entries: 3, entrySize: 2, keySize: 3, activation: "silu" }],
  naive: ({ x, p, c, d }: Arguments) => ({
    y: x.map((row) =>
      row.map((token) => {
        const query = affine(token, p.query);
        const weights = p.base.map((entry) => {
          const key = affine(entry, p.key);
          const score =
            query.reduce((sum, q, i) => sum + q * key[i]!, 0) / Math.sqrt(d.K) + affine(entry, p.threshold)[0]!;
          return c.activation === "relu" ? Math.max(0, score) : score / (1 + Math.exp(-score));
        });
        return token.map((_, i) => {
          const known = p.base.map((entry, n) => weights[n]! * affine(entry, p.value)[i]!);
          const offsets = p.base.map((entry) => affine(entry, p.offset)[i]! / p.base.length);
          return [...known, ...offsets].reduce((sum, value) => sum + value, 0);
        });
      }),
    ),
  }),
});

test("[gca-ffn-closure] a fixed base is the feed-forward net of its closure, and another base answers otherwise by the same maps", () => {
  const [D, E] = [8, 20];
  const c = knowledge.config.parse({ entries: E, keySize: 6, entrySize: 5 });
  const d = knowledge.dims(c, D);
  const parameters = drawParameters(knowledge.params(d, c));
  const net = mlp.config.parse({ hidden: E, activation: "relu" });
  const { asked, closed, other } = run({
    inputs: { x: randomNormal("x", [2, 7, D]), ...parameters, otherBase: randomNormal("another base", [E, 5]) },
    build: ({ x, otherBase, ...at }) => {
      const context = { b: {}, io: plainIo("eval") };
      const p = weightsFrom(at) as never;
      const answer = (weights: never) => knowledge.forward(x!, { ...context, c, d, p: weights }).y;
      const closure = weightsFrom(closureOf(p, d.K)) as never;
      return {
        asked: answer(p),
        closed: mlp.forward(x!, { ...context, c: net, d: mlp.dims(net, D), p: closure }).y,
        other: answer(weightsFrom({ ...at, base: otherBase! }) as never),
      };
    },
  });
  expect(asked!).toBeAllclose(closed!, { tolerance: 1e-6 });
  const moved = Math.hypot(...other!.data.map((value, i) => value - asked!.data[i]!));
  expect(moved).toBeGreaterThan(0.1 * Math.hypot(...asked!.data));
});

test("layers share one base by ties, and keep maps of their own", () => {
  const spec = (ties: string[]) =>
    canonicalSpec({
      name: "modular",
      width: 8,
      layers: [{ repeat: 3, mixer: { kind: "attention", heads: 2 }, channel: { kind: "knowledge", entries: 16 } }],
      ...(ties.length > 0 && { ties }),
    });
  const count = (ties: string[]) => parameterCount(buildSpec(spec(ties), { tokens: 9 }).model.parameters);
  expect(count([]) - count(["layers.*.channel.base"])).toBe(2 * 16 * 8);
});
