import { expect, test } from "vitest";
import {
  drawParameters,
  mapArrays,
  plainIo,
  randomNormal,
  residualSuite,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import { gruGate } from "./gru-gate.ts";

const affine = (x: readonly number[], w: number[][], b: number[]) =>
  b.map((offset, j) => x.reduce((sum, v, i) => sum + v * w[i]![j]!, offset));
const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));

residualSuite(gruGate, {
  configs: [{}, { keep: 0 }, { skipScale: true }],
  naive: ({ x, y, p }) =>
    x.map((row, b) =>
      row.map((given, t) => {
        const D = given.length;
        const skip = p.skip as number[] | undefined;
        const token = given.map((v, i) => v * (skip?.[i] ?? 1));
        const branch = affine(y[b]![t]!, p.branch as number[][], p.branchBias as number[]);
        const stream = affine(token, p.stream as number[][], p.streamBias as number[]);
        return token.map((v, i) => {
          const reset = sigmoid(branch[i]! + stream[i]!);
          const update = sigmoid(branch[D + i]! + stream[D + i]!);
          return update * v + (1 - update) * Math.tanh(branch[2 * D + i]! + reset * stream[2 * D + i]!);
        });
      }),
    ),
});

test("the larger `keep`, the nearer the start is to the identity", () => {
  const D = 8;
  const moved = (keep: number) => {
    const c = gruGate.config.parse({ keep });
    const { gap } = run({
      inputs: {
        x: randomNormal("x", [3, D]),
        y: randomNormal("y", [3, D]),
        ...mapArrays(drawParameters(gruGate.params({ D }, c)), (array) => array),
      },
      build: ({ x, y, ...tensors }) => {
        const p = weightsFrom(tensors) as Parameters<typeof gruGate.forward>[2]["p"];
        return {
          gap: gruGate
            .forward(x!, y!, { c, d: { D }, p, b: {}, io: plainIo("train") })
            .sub(x!)
            .abs()
            .max(),
        };
      },
    });
    return gap!.data[0]!;
  };
  expect(moved(20)).toBeLessThan(1e-6);
  expect(moved(2)).toBeLessThan(moved(0));
});
