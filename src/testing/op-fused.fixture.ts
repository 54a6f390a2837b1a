import fc from "fast-check";
import { apply, apply1, customGradient } from "../tensor/index.ts";
import {
  axisSample,
  floats,
  indices,
  type OpRow,
  type OpSample,
  of,
  shapes,
  size,
  smooth,
} from "./op-samples.fixture.ts";

const normSample = (op: "layerNorm" | "rmsNorm"): fc.Arbitrary<OpSample> =>
  of({ shape: shapes({ least: 1, rank: [1, 3] }) }, ({ shape, seed }) => {
    const width = shape.at(-1)!;
    const weights = op === "layerNorm" ? 2 : 1;
    return {
      operands: [
        floats(shape, seed, [-3, 3]),
        ...Array.from({ length: weights }, (_, i) => floats([width], seed + i + 1)),
      ],
      // Rows of size 1 and alike are all their mean: a larger ε keeps slopes moderate.
      build: (inputs) => [apply1(op, inputs, { epsilon: 0.1 })],
    };
  });

const elementwiseFused = (op: "silu" | "gelu", approximate?: "none" | "tanh"): OpRow => ({
  samples: of({ shape: shapes(), tanh: fc.boolean() }, ({ shape, tanh, seed }) => ({
    operands: [floats(shape, seed)],
    build: ([x]) =>
      op === "silu"
        ? [apply1("silu", [x!], {})]
        : [apply1("gelu", [x!], { approximate: approximate ?? (tanh ? "tanh" : "none") })],
  })),
  ...smooth,
});

/** Ops with an expansion. */
export const fusedRows = {
  softmax: { samples: axisSample((x, axis) => x.softmax(axis)), ...smooth },
  logSoftmax: { samples: axisSample((x, axis) => x.logSoftmax(axis)), ...smooth },
  layerNorm: { samples: normSample("layerNorm"), ...smooth },
  rmsNorm: { samples: normSample("rmsNorm"), ...smooth },
  gelu: elementwiseFused("gelu"),
  silu: elementwiseFused("silu"),
  softmaxCrossEntropy: {
    samples: of({ rows: size(), classes: size(1) }, ({ rows, classes, seed }) => ({
      operands: [floats([rows, classes], seed), indices([rows], seed + 1, classes)],
      build: (inputs) => apply("softmaxCrossEntropy", inputs, {}),
    })),
    ...smooth,
  },
  unitLowerInverse: {
    samples: of({ batch: shapes({ rank: [0, 1] }), n: size(1) }, ({ batch, n, seed }) => ({
      operands: [floats([...batch, n, n], seed, [-1, 1])],
      build: (inputs) => apply("unitLowerInverse", inputs, {}),
    })),
    ...smooth,
  },
  custom: {
    samples: of({ shape: shapes() }, ({ shape, seed }) => ({
      operands: [floats(shape, seed), floats(shape, seed + 1)],
      build: (inputs) => [
        customGradient(inputs, {
          forward: ([x, y]) => x!.mul(y!).sin(),
          backward: ({ inputs: [x, y], g }) => {
            const slope = g.mul(x!.mul(y!).cos());
            return [slope.mul(y!), slope.mul(x!)];
          },
        }),
      ],
    })),
    ...smooth,
  },
};
