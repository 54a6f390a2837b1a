import fc from "fast-check";
import {
  type BonusScanInput,
  bonusScan,
  type DecayScanInput,
  type DecayScanResult,
  type DeltaRuleInput,
  decayScan,
  deltaRule,
  type KeyedDecayScanInput,
  type KeyedDeltaRuleInput,
  keyedDecayScan,
  keyedDeltaRule,
} from "../ops/index.ts";
import { apply, apply1, customGradient, full, type Tensor } from "../tensor/index.ts";
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

/** All four update rules, decays by head (alike for all sequences or not) and by key, with and without a state before the first time. */
const linearAttentionSample = of(
  {
    groups: size(1),
    shared: fc.constantFrom(1, 2),
    keys: size(1),
    values: size(1),
    batch: size(),
    time: fc.integer({ min: 0, max: 9 }),
    decay: fc.constantFrom("none", "by head", "for all sequences", "by key"),
    delta: fc.boolean(),
    weighted: fc.boolean(),
    started: fc.boolean(),
    early: fc.boolean(),
  },
  ({ groups: G, shared, keys: K, values: V, batch: B, time: T, decay, delta, weighted, started, early, seed }) => {
    const byKey = decay === "by key";
    const H = byKey ? G : G * shared;
    const operands = {
      [byKey ? "q_HKBT" : "q_GKBT"]: floats([G, K, B, T], seed),
      [byKey ? "k_HKBT" : "k_GKBT"]: floats([G, K, B, T], seed + 1, [-0.5, 0.5]),
      v_HVBT: floats([H, V, B, T], seed + 2),
      ...(started && { S_BHVK: floats([B, H, V, K], seed + 3) }),
      ...(decay === "by head" && { logDecay_HBT: floats([H, B, T], seed + 4, [-2, 0]) }),
      ...(decay === "for all sequences" && { logDecay_HBT: floats([H, 1, T], seed + 4, [-2, 0]) }),
      ...(byKey && { logDecay_HKBT: floats([H, K, B, T], seed + 4, [-2, 0]) }),
      ...(delta && { beta_HBT: floats([H, B, T], seed + 5, [0, 1]) }),
      ...(weighted && !delta && !byKey && { logWrite_HBT: floats([H, B, T], seed + 6, [-2, 1]) }),
    };
    const names = Object.keys(operands);
    return {
      operands: Object.values(operands),
      build: (inputs) => {
        const at = Object.fromEntries(names.map((name, i) => [name, inputs[i]!]));
        const update = `${delta ? "delta" : "sum"}${byKey ? " by key" : ""}` as const;
        const form = linearAttentionForms[update === "sum by key" && early ? "sum by key, read early" : update];
        const { o_HVBT, S_BHVK } = form(at);
        return [o_HVBT, S_BHVK];
      },
    };
  },
);

type LinearAttentionForm = (at: Readonly<Record<string, Tensor>>) => DecayScanResult;

const linearAttentionForms = {
  sum: (at) => decayScan({ ...(at as unknown as DecayScanInput), chunk: 4 }),
  delta: (at) => deltaRule({ ...(at as unknown as DeltaRuleInput), chunk: 4 }),
  "sum by key": (at) => keyedDecayScan({ ...(at as unknown as KeyedDecayScanInput), chunk: 4 }),
  "sum by key, read early": ({ q_HKBT, ...at }) => {
    const bonus_HK = full([q_HKBT!.dim(0), q_HKBT!.dim(1)], 0.5);
    return bonusScan({ ...(at as unknown as BonusScanInput), r_HKBT: q_HKBT!, bonus_HK, chunk: 4 });
  },
  "delta by key": (at) => keyedDeltaRule({ ...(at as unknown as KeyedDeltaRuleInput), bounded: true, chunk: 4 }),
} satisfies Record<string, LinearAttentionForm>;

/** Ops with an expansion. */
export const fusedRows = {
  linearAttention: { samples: linearAttentionSample, ...smooth },
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
