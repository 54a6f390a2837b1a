import { expect, test } from "vitest";
import { plainIo, randomNormal, residualSuite, run, weightsFrom } from "../../testing/index.ts";
import { affine } from "../channels/activations-naive.ts";
import { highway } from "./highway.ts";

residualSuite(highway, {
  configs: [{}, { open: 1 }],
  naive: ({ x, y, p }) =>
    x.map((row, b) =>
      row.map((token, t) => {
        const gate = affine(token, p.gate as number[][], p.gateBias as number[]).map((v) => 1 / (1 + Math.exp(-v)));
        return token.map((v, i) => gate[i]! * y[b]![t]![i]! + (1 - gate[i]!) * v);
      }),
    ),
});

test("a closed gate is the identity, an open one the sublayer", () => {
  const D = 8;
  const at = (offset: number) =>
    run({
      inputs: { x: randomNormal("x", [2, 3, D]), y: randomNormal("y", [2, 3, D]) },
      build: ({ x, y }) => {
        const zero = x!.at(0, 0).at(0, 0).mul(0);
        const p = weightsFrom({ gate: zero.unsqueeze(1).matmul(zero.unsqueeze(0)), gateBias: zero.add(offset) });
        return {
          x: x!,
          y: y!,
          z: highway.forward(x!, y!, { c: { open: 0 }, d: { D }, p, b: {}, io: plainIo("train") }),
        };
      },
    });
  const [closed, open] = [at(-60), at(60)];
  expect(closed.z).toBeAllclose(closed.x!, { tolerance: 1e-12 });
  expect(open.z).toBeAllclose(open.y!, { tolerance: 1e-12 });
});
