import { expect, test } from "vitest";
import { zeros } from "../../tensor/index.ts";
import {
  channelSuite,
  type NaiveTokensArguments,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import { affine } from "./activations-naive.ts";
import { squeezeExcite } from "./squeeze-excite.ts";

type Arguments = Pick<NaiveTokensArguments, "x"> & {
  p: Record<"up" | "down", number[][]> & Record<"upBias" | "downBias", number[]>;
};

channelSuite(squeezeExcite, {
  configs: [{ hidden: 3 }, { reduction: 4, activation: "silu" }],
  naive: ({ x, p, c }: Arguments & { c: { activation: string } }) => ({
    y: x.map((row) => {
      const mean = row[0]!.map((_, i) => row.reduce((sum, token) => sum + token[i]!, 0) / row.length);
      const act = (v: number) => (c.activation === "relu" ? Math.max(0, v) : v / (1 + Math.exp(-v)));
      const gate = affine(affine(mean, p.up, p.upBias).map(act), p.down, p.downBias);
      return row.map((token) => token.map((v, i) => v / (1 + Math.exp(-gate[i]!))));
    }),
  }),
  width: 8,
});

test("[squeeze-excite] with gates held open it is the identity", () => {
  const [D, F] = [4, 2];
  const { x, y } = run({
    inputs: { x: randomNormal("x", [2, 3, D]), up: randomNormal("up", [D, F]), down: randomNormal("down", [F, D]) },
    build: ({ x, up, down }) => {
      const p = weightsFrom({ up: up!, down: down!, upBias: zeros([F]), downBias: zeros([D]).add(1e3) });
      const c = squeezeExcite.config.parse({ hidden: F });
      return { x: x!, y: squeezeExcite.forward(x!, { c, d: { D, F }, p, b: {}, io: plainIo("eval") }).y };
    },
  });
  expect(y).toEqual(x);
});
