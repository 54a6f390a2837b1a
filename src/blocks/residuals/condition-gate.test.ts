import { describe, test } from "vitest";
import {
  type Arrays,
  drawParameters,
  expectNaiveAgrees,
  expectNativeAgrees,
  flatten,
  nest,
  plainIo,
  randomNormal,
  type Subject,
  weightsFrom,
} from "../../testing/index.ts";
import { affine } from "../channels/activations-naive.ts";
import { conditionGate } from "./condition-gate.ts";

const [B, T, D, C] = [2, 3, 5, 4];
const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));

function subjectOf(gate: "zero" | "sigmoid" | "shared"): Subject {
  const c = conditionGate.config.parse({ condition: C, gate });
  const d = conditionGate.dims(c, D);
  return {
    inputs: {
      x: randomNormal("x", [B, T, D]),
      y: randomNormal("y", [B, T, D]),
      cond: randomNormal("condition", [B, 1, gate === "shared" ? 3 * D : C]),
      ...drawParameters(conditionGate.params(d, c)),
    },
    build: ({ x, y, cond, ...tensors }) => {
      const p = weightsFrom(tensors) as unknown as Parameters<typeof conditionGate.forward>[2]["p"];
      return { z: conditionGate.forward(x!, y!, { c, d, p, b: {}, io: { ...plainIo("eval"), cond_BTD: cond! } }) };
    },
  };
}

function naive(inputs: Arrays, kind: "zero" | "sigmoid" | "shared"): Arrays {
  const [x, y, cond] = ["x", "y", "cond"].map((name) => nest(inputs[name]!)) as unknown as [
    number[][][],
    number[][][],
    number[][][],
  ];
  const offset = [...inputs.gateBias!.data];
  const gateOf = (given: number[]): number[] => {
    if (kind === "shared") return given.slice(-D).map((v, i) => v * (1 + inputs.factor!.data[i]!) + offset[i]!);
    const map = nest(inputs.gate!) as unknown as number[][];
    if (kind === "sigmoid") return affine(given, map, offset).map(sigmoid);
    return affine(
      given.map((v) => v * sigmoid(v)),
      map,
      offset,
    );
  };
  const z = x.map((row, b) => {
    const gate = gateOf(cond[b]![0]!);
    return row.map((token, t) => token.map((v, i) => v + gate[i]! * y[b]![t]![i]!));
  });
  return { z: flatten(z) };
}

describe.each(["zero", "sigmoid", "shared"] as const)("condition-gate %s", (kind) => {
  test("it equals the naive form in values and every gradient", () =>
    expectNaiveAgrees(subjectOf(kind), { naive: (inputs) => naive(inputs, kind), smooth: "everywhere" }));
  test("the native engine agrees with the reference", () => expectNativeAgrees(subjectOf(kind)));
});
