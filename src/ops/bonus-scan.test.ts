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
import { type BonusScanInput, bonusScan, bonusStep } from "./bonus-scan.ts";

const [H, K, V, B] = [2, 3, 5, 2];
const time = 37;

const inputs = (state: boolean): Arrays => ({
  r_HKBT: randomNormal("queries", [H, K, B, time]),
  k_HKBT: randomNormal("keys", [H, K, B, time]),
  v_HVBT: randomNormal("values", [H, V, B, time]),
  logDecay_HKBT: randomUniform("decays", [H, K, B, time], [-1.5, 0]),
  bonus_HK: randomNormal("bonus", [H, K]),
  ...(state && { S_BHVK: randomNormal("state", [B, H, V, K]) }),
});

type At = Readonly<Record<string, Tensor>>;
const scanned = (state: boolean, form: (at: BonusScanInput) => At): Subject => ({
  inputs: inputs(state),
  build: (at) => form(at as unknown as BonusScanInput),
});
const chunked =
  (chunk: number) =>
  (at: BonusScanInput): At => ({ ...bonusScan({ ...at, chunk }) });

function recurrent({ S_BHVK, bonus_HK, chunk: _, ...columns }: BonusScanInput): At {
  let S = S_BHVK;
  const os = Array.from({ length: time }, (_, t) => {
    const at = Object.fromEntries(Object.entries(columns).map(([name, x]) => [name, x.slice(-1, t, t + 1)]));
    const next = bonusStep({ ...(at as typeof columns), bonus_HK, S_BHVK: S });
    S = next.S_BHVK;
    return next.o_HVBT;
  });
  return { o_HVBT: concat(-1, os), S_BHVK: S! };
}

for (const state of [false, true]) {
  const from = state ? "from a state" : "from nothing";
  // 4 times per chunk run over chunks by scan, 16 are written out; 64 is one chunk.
  test.each([4, 16, 64])(`chunks of %i equal the recurrence in values and gradients, ${from}`, (chunk) =>
    expectSameFunction(scanned(state, chunked(chunk)), scanned(state, recurrent)),
  );
  test(`the native engine agrees, ${from}`, () => expectNativeAgrees(scanned(state, chunked(4))));
}

test("total decay within a chunk far beyond f32's range gives finite values and gradients", async () => {
  const strong = scanned(true, (at) => ({ ...bonusScan({ ...at, logDecay_HKBT: at.logDecay_HKBT.mul(300) }) }));
  const { outputs, gradients } = evaluate(strong);
  for (const [name, { data }] of Object.entries({ ...outputs, ...gradients }))
    expect(data.every(Number.isFinite), name).toBe(true);
  await expectNativeAgrees(strong);
});
