import { expect, test } from "vitest";
import { runReference } from "../../engine/index.ts";
import { deltaRule, deltaStep } from "../../ops/index.ts";
import { constant, input, stack, type Tensor } from "../../tensor/index.ts";
import { randomNormal } from "../../testing/index.ts";
import { families } from "../index.ts";
import { goldenIo, weightOf } from "./rnn-golden-weights.fixture.ts";

const [B, T, D] = [2, 11, 8];

/** The parallel form's output beside that of a first token and steps, with random parameters of the size they have in use. */
function bothForms(kind: string) {
  const mixer = families.mixers[kind]!;
  const c = mixer.config.parse({ heads: 2 });
  const d = mixer.dims(c, D);
  const shapes = Object.entries(mixer.params(d, c)).map(([name, { shape }]) => [name, shape] as const);
  const p = Object.fromEntries(shapes.map(([name, shape]) => [name, weightOf(input(name, shape))]));
  const at = { c, d, p, b: {}, io: goldenIo() };
  const x = input("tokens", [B, T, D]);
  let now = mixer.forward(x.slice(1, 0, 1), { ...at, s: {} });
  const ys: Tensor[] = [now.y.squeeze(1)];
  for (let t = 1; t < T; t++) {
    now = mixer.step!(x.at(1, t), { ...at, s: now.s });
    ys.push(now.y);
  }
  const feeds = shapes.map(([name, shape]) => [name, randomNormal(name, shape).data.map((draw) => draw / 2)] as const);
  return runReference([mixer.forward(x, { ...at, s: {} }).y, stack(1, ys)], {
    ...Object.fromEntries(feeds),
    tokens: randomNormal("tokens", [B, T, D]).data,
  });
}

test.each(["gla", "retention", "deltanet", "rwkv-5", "rwkv-6", "rwkv-7"])(
  "[modern-gated-rnn] %s at once equals itself token by token",
  (kind) => {
    const [parallel, recurrent] = bothForms(kind);
    const largest = Math.max(...parallel!.map(Math.abs));
    expect(largest).toBeGreaterThan(0.01);
    parallel!.forEach((value, i) => void expect(Math.abs(value - recurrent![i]!)).toBeLessThan(1e-9 * largest));
  },
);

/** Orthonormal keys 0, 1, 0 with values a, b, c, as columns [1, features, 1, 3]; then both keys are asked for. */
const keys = constant([0.6, 0.8, 0.6, 0.8, -0.6, 0.8], [1, 2, 1, 3]);
const values = constant([1, 2, 5, -3, 4, 7], [1, 2, 1, 3]);

test.each([
  { beta: [1, 1, 1], first: [5, 7] },
  { beta: [1, 1, 0.5], first: [3, 2] },
])("[modern-gated-rnn] the delta rule overwrites one association and keeps the other, β = $beta", ({ beta, first }) => {
  const { S_BHVK } = deltaRule({
    q_GKBT: keys,
    k_GKBT: keys,
    v_HVBT: values,
    beta_HBT: constant(beta, [1, 1, 3]),
    chunk: 2,
  });
  const ask = (t: number) =>
    deltaStep({
      q_GKBT: keys.slice(-1, t, t + 1),
      k_GKBT: keys.slice(-1, t, t + 1),
      v_HVBT: values.slice(-1, t, t + 1),
      beta_HBT: constant([0], [1, 1, 1]),
      S_BHVK,
    }).o_HVBT;
  const [overwritten, kept] = runReference([ask(0), ask(1)], {});
  overwritten!.forEach((value, i) => void expect(value).toBeCloseTo(first[i]!, 12));
  [2, 4].forEach((value, i) => void expect(kept![i]).toBeCloseTo(value, 12));
});
