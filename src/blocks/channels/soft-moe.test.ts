import { expect, test } from "vitest";
import {
  channelSuite,
  drawParameters,
  type NaiveTokensArguments,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import { affine, naiveActivations } from "./activations-naive.ts";
import { softMoe } from "./soft-moe.ts";

type Config = ReturnType<typeof softMoe.config.parse>;
type Arguments = Pick<NaiveTokensArguments<Config, { E: number; S: number; F: number }>, "x" | "c" | "d"> & {
  p: { slots: number[][]; up: number[][][]; down: number[][][]; gate?: number[][][] } & Partial<
    Record<"slotScale" | "gateBias" | "upBias" | "downBias", number[]>
  >;
};

const sum = (values: readonly number[]) => values.reduce((total, v) => total + v, 0);
const softmax = (logits: readonly number[]) => {
  const e = logits.map(Math.exp);
  return e.map((v) => v / sum(e));
};
const unit = (v: readonly number[]) => v.map((w) => w / Math.sqrt(sum(v.map((u) => u * u)) + 1e-12));
/** Σ weight · row. */
const mix = (weights: readonly number[], rows: readonly number[][]) =>
  rows[0]!.map((_, i) => sum(weights.map((w, j) => w * rows[j]![i]!)));

function naive({ x, p, c, d: { E, S, F } }: Arguments) {
  const act = naiveActivations[c.activation];
  const columns = p.slots[0]!.map((_, z) => p.slots.map((row) => row[z]!));
  const slots = c.normalise ? columns.map((column) => unit(column).map((v) => v * p.slotScale![0]!)) : columns;
  const part = (b: number[] | undefined, e: number, width: number) => b?.slice(e * width, (e + 1) * width);
  const expert = (input: number[], e: number) => {
    const up = affine(input, p.up[e]!, part(p.upBias, e, F));
    const gate = p.gate && affine(input, p.gate[e]!, part(p.gateBias, e, F));
    const hidden = gate ? up.map((v, i) => v * act(gate[i]!)) : up.map(act);
    return affine(hidden, p.down[e]!, part(p.downBias, e, input.length));
  };
  const y = x.map((row) => {
    const logits = row.map((token) => {
      const key = c.normalise ? unit(token) : token;
      return slots.map((slot) => sum(slot.map((v, i) => v * key[i]!)));
    });
    const out = slots.map((_, z) => expert(mix(softmax(logits.map((l) => l[z]!)), row), Math.floor(z / S)));
    expect(out).toHaveLength(E * S);
    return logits.map((l) => mix(softmax(l), out));
  });
  return { y };
}

channelSuite(softMoe, {
  configs: [
    { experts: 3, slots: 2, hidden: 5 },
    { experts: 2, slots: 1, hidden: 4, normalise: false, bias: true },
    { experts: 2, slots: 2, hidden: 4, expert: "swiglu", activation: "silu", bias: true },
  ],
  naive,
  width: 6,
});

test("with one expert that is linear and one slot, every token gets that slot's result", () => {
  const [D, T] = [6, 5];
  const c = softMoe.config.parse({ experts: 1, slots: 1, hidden: D, activation: "identity" });
  const d = softMoe.dims(c, D);
  const { y } = run({
    inputs: { x: randomNormal("x", [1, T, D]), ...drawParameters(softMoe.params(d, c)) },
    build: ({ x, ...tensors }) => {
      const p = weightsFrom(tensors) as unknown as Parameters<typeof softMoe.forward>[1]["p"];
      return { y: softMoe.forward(x!, { c, d, p, b: {}, io: plainIo("eval") }).y };
    },
  });
  const rows = Array.from({ length: T }, (_, t) => [...y!.data.slice(t * D, (t + 1) * D)]);
  for (const row of rows) row.forEach((v, i) => void expect(v).toBeCloseTo(rows[0]![i]!, 12));
});
