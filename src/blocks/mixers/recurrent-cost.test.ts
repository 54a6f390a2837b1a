import { expect, test } from "vitest";
import { countFlops } from "../../engine/index.ts";
import { input, type Shape } from "../../tensor/index.ts";
import { families } from "../index.ts";
import { goldenIo, weightOf } from "./rnn-golden-weights.fixture.ts";

const D = 16;

/** FLOPs of the parallel form, of one step after it, and bytes of the live state then. */
function costOf(kind: string, tokens: number) {
  const mixer = families.mixers[kind]!;
  const c = mixer.config.parse({});
  const d = mixer.dims(c, D);
  const parameters = Object.entries(mixer.params(d, c)) as [string, { shape: Shape }][];
  const p = Object.fromEntries(parameters.map(([name, { shape }]) => [name, weightOf(input(name, shape))]));
  const at = { c, d, p, b: {}, io: goldenIo() };
  const { y, s } = mixer.forward(input("tokens", [1, tokens, D]), { ...at, s: {} });
  const live = Object.fromEntries(Object.entries(s).map(([name, { shape }]) => [name, input(name, shape)]));
  const next = mixer.step!(input("token", [1, D]), { ...at, s: live });
  return {
    forward: countFlops([y]).total,
    step: countFlops([next.y, ...Object.values(next.s)]).total,
    bytes: Object.values(s).reduce((sum, field) => sum + field.bytes, 0),
  };
}

test.each(["mamba", "mamba-2", "s4d", "s5"])(
  "[ssm-linear-cost] %s: FLOPs per token and state bytes do not depend on the length",
  (kind) => {
    const [short, long] = [costOf(kind, 1024), costOf(kind, 4096)];
    expect(short.forward).toBeGreaterThan(0);
    expect(Math.abs(long.forward / 4096 / (short.forward / 1024) - 1)).toBeLessThan(0.1);
    const costs = [64, 256, 1024, 4096].map((tokens) => costOf(kind, tokens));
    for (const { bytes, step } of costs) {
      expect(bytes).toBe(costs[0]!.bytes);
      expect(step).toBe(costs[0]!.step);
    }
  },
);

const recurrent = [
  "rnn",
  "lstm",
  "gru",
  "min-gru",
  "min-lstm",
  "lru",
  "slstm",
  "mlstm",
  "gla",
  "deltanet",
  "retention",
  "rwkv-7",
];

test.each(recurrent)("[recurrence-cost] %s holds as many bytes after 4096 tokens as after 16", (kind) => {
  const [short, long] = [costOf(kind, 16), costOf(kind, 4096)];
  expect(short.bytes).toBeGreaterThan(0);
  expect(long.bytes).toBe(short.bytes);
  expect(long.step).toBe(short.step);
  expect(long.forward / short.forward / (4096 / 16)).toBeLessThan(4);
});
