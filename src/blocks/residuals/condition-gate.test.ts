import { residualSuite } from "../../testing/index.ts";
import { affine } from "../channels/activations-naive.ts";
import { conditionGate } from "./condition-gate.ts";

const [D, C] = [5, 4];
const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));

residualSuite(conditionGate, {
  configs: (["zero", "sigmoid", "shared"] as const).map((gate) => ({ condition: C, gate })),
  width: D,
  condition: ({ gate }) => (gate === "shared" ? 3 * D : C),
  naive({ x, y, condition, p: given, c }) {
    const p = given as unknown as { gate?: number[][]; gateBias: number[]; factor?: number[] };
    const gateOf = (row: readonly number[]): number[] => {
      if (c.gate === "shared") return row.slice(-D).map((v, i) => v * (1 + p.factor![i]!) + p.gateBias[i]!);
      if (c.gate === "sigmoid") return affine(row, p.gate!, p.gateBias).map(sigmoid);
      return affine(
        row.map((v) => v * sigmoid(v)),
        p.gate!,
        p.gateBias,
      );
    };
    return x.map((rows, b) => {
      const gate = gateOf(condition[b]![0]!);
      return rows.map((token, t) => token.map((v, i) => v + gate[i]! * y[b]![t]![i]!));
    });
  },
});
