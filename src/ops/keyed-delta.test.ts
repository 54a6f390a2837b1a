import { expect, test } from "vitest";
import { concat, type Tensor } from "../tensor/index.ts";
import {
  type Arrays,
  evaluate,
  expectNativeAgrees,
  expectSameFunction,
  randomNormal,
  randomUniform,
  type Subject,
} from "../testing/index.ts";
import { type KeyedDeltaInput, keyedDelta, keyedDeltaStep } from "./keyed-delta.ts";

const [H, K, V, B] = [2, 3, 5, 2];
const time = 37;

const inputs = (state: boolean): Arrays => ({
  q_HKBT: randomNormal("queries", [H, K, B, time]),
  k_HKBT: randomNormal("keys", [H, K, B, time]),
  v_HVBT: randomNormal("values", [H, V, B, time]),
  probe_HKBT: randomUniform("probes", [H, K, B, time], [-0.6, 0.6]),
  back_HKBT: randomUniform("backs", [H, K, B, time], [-0.6, 0.6]),
  logDecay_HKBT: randomUniform("decays", [H, K, B, time], [-1.2, 0]),
  ...(state && { S_BHVK: randomNormal("state", [B, H, V, K]) }),
});

type At = Readonly<Record<string, Tensor>>;
type Fixed = Pick<KeyedDeltaInput, "probes" | "bounded">;
const scanned = (state: boolean, form: (at: KeyedDeltaInput) => At, fixed: Fixed): Subject => ({
  inputs: inputs(state),
  build: (at) => form({ ...(at as unknown as KeyedDeltaInput), ...fixed }),
});
const chunked =
  (chunk: number) =>
  (at: KeyedDeltaInput): At => ({ ...keyedDelta({ ...at, chunk }) });

function recurrent({ S_BHVK, probes, bounded, chunk: _, ...columns }: KeyedDeltaInput): At {
  let S = S_BHVK;
  const os = Array.from({ length: time }, (_, t) => {
    const at = Object.fromEntries(Object.entries(columns).map(([name, x]) => [name, x.slice(-1, t, t + 1)]));
    const next = keyedDeltaStep({ ...(at as typeof columns), probes, bounded, S_BHVK: S });
    S = next.S_BHVK;
    return next.o_HVBT;
  });
  return { o_HVBT: concat(-1, os), S_BHVK: S! };
}

for (const probes of ["before-decay", "after-decay"] as const)
  for (const bounded of [true, false]) {
    const fixed = { probes, bounded };
    const how = `${probes}, ${bounded ? "factored" : "elementwise"}`;
    // 4 times per chunk run over chunks by scan, 16 are written out; 64 is one chunk.
    for (const [chunk, state] of [
      [4, false],
      [4, true],
      [16, true],
      [64, false],
    ] as const)
      test(`chunks of ${chunk} equal the recurrence in values and gradients, ${how}${state ? ", from a state" : ""}`, () =>
        expectSameFunction(scanned(state, chunked(chunk), fixed), scanned(state, recurrent, fixed)));
    test(`the native engine agrees, ${how}`, () => expectNativeAgrees(scanned(true, chunked(4), fixed)));
  }

test("elementwise, total decay within a chunk far beyond f32's range gives finite values and gradients", async () => {
  const strong = scanned(true, (at) => ({ ...keyedDelta({ ...at, logDecay_HKBT: at.logDecay_HKBT.mul(300) }) }), {
    probes: "after-decay",
    bounded: false,
  });
  const { outputs, gradients } = evaluate(strong);
  for (const [name, { data }] of Object.entries({ ...outputs, ...gradients }))
    expect(data.every(Number.isFinite), name).toBe(true);
  await expectNativeAgrees(strong);
});
