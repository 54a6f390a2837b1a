import { describe, expect, test } from "vitest";
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
import { affine, naiveActivations } from "./activations-naive.ts";
import { expertChoice } from "./expert-choice.ts";

type Config = ReturnType<typeof expertChoice.config.parse>;
type Arguments = Pick<NaiveTokensArguments<Config, { E: number }>, "x" | "c" | "d"> & {
  p: { router: number[][]; up: number[][][]; down: number[][][]; gate?: number[][][] };
};

const softmax = (logits: readonly number[]) => {
  const e = logits.map(Math.exp);
  const total = e.reduce((sum, v) => sum + v, 0);
  return e.map((v) => v / total);
};

/** Expert by expert. */
function naive({ x, p, c, d: { E } }: Arguments) {
  const act = naiveActivations[c.activation];
  const y = x.map((row) => {
    const shares = row.map((token) => softmax(affine(token, p.router)));
    const out = row.map((token) => token.map(() => 0));
    const taken = Math.min(row.length, Math.max(1, Math.round((row.length * c.capacityFactor) / E)));
    for (let e = 0; e < E; e++) {
      const order = row.map((_, t) => t).sort((s, t) => shares[t]![e]! - shares[s]![e]!);
      for (const t of order.slice(0, taken)) {
        const up = affine(row[t]!, p.up[e]!);
        const gate = p.gate && affine(row[t]!, p.gate[e]!).map(act);
        const hidden = gate ? up.map((v, i) => v * gate[i]!) : up.map(act);
        affine(hidden, p.down[e]!).forEach((v, i) => {
          out[t]![i]! += shares[t]![e]! * v;
        });
      }
    }
    return out;
  });
  return { y };
}

channelSuite(expertChoice, {
  configs: [
    { experts: 3, hidden: 5 },
    { experts: 4, capacityFactor: 1, expert: "mlp", activation: "gelu", hidden: 4 },
  ],
  naive,
  width: 6,
});

describe("expert choice", () => {
  const [B, T, D, experts] = [2, 12, 6, 4];
  const c = expertChoice.config.parse({ experts, capacityFactor: 1, hidden: 5 });
  const d = expertChoice.dims(c, D);
  const { chosen } = run({
    inputs: { x: randomNormal("x", [B, T, D]), ...drawParameters(expertChoice.params(d, c)) },
    build: ({ x, ...tensors }) => {
      const p = weightsFrom(tensors) as unknown as Parameters<typeof expertChoice.forward>[1]["p"];
      const { probes } = expertChoice.forward(x!, { c, d, p, b: {}, io: plainIo("eval") });
      return { chosen: probes!.chosen_EBM!.cast("f32") };
    },
  });

  test("[expert-choice] every expert takes equally many tokens of every sequence, and a causal objective refuses it", () => {
    expect(chosen!.shape).toEqual([experts, B, T / experts]);
    for (let row = 0; row < experts * B; row++) {
      const own = [...chosen!.data.slice((row * T) / experts, ((row + 1) * T) / experts)];
      expect(new Set(own).size).toBe(T / experts);
      for (const t of own) expect(t >= 0 && t < T).toBe(true);
    }
    const spec = (objective: "next-token" | "masked-diffusion") =>
      canonicalSpec({
        name: "chosen",
        width: 8,
        layers: [
          { mixer: { kind: "attention", causal: objective === "next-token" }, channel: { kind: "expert-choice" } },
        ],
        objective: { kind: objective },
      });
    expect(() => buildSpec(spec("next-token"), { tokens: 5 })).toThrow("E_SPEC_FLOW");
    const { model } = buildSpec(spec("masked-diffusion"), { tokens: 5 });
    expect(model.decodes).toBe(false);
  });
});
