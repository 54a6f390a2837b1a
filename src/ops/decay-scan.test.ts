import { expect, test } from "vitest";
import { concat, constant, iota, type Tensor, where } from "../tensor/index.ts";
import {
  type Arrays,
  evaluate,
  expectNativeAgrees,
  expectSameFunction,
  randomNormal,
  randomUniform,
  type Subject,
} from "../testing/index.ts";
import { type DecayScanInput, decayScan, decayStep } from "./decay-scan.ts";

const [G, H, K, V, B] = [2, 4, 3, 5, 2];
const time = 70;

function inputs({ state, decay = true }: { state: boolean; decay?: boolean }): Arrays {
  return {
    q_GKBT: randomNormal("queries", [G, K, B, time]),
    k_GKBT: randomNormal("keys", [G, K, B, time]),
    v_HVBT: randomNormal("values", [H, V, B, time]),
    ...(decay && {
      logDecay_HBT: randomUniform("decays", [H, B, time], [-1.5, 0]),
      logWrite_HBT: randomUniform("writes", [H, B, time], [-2, 1]),
    }),
    ...(state && { S_BHVK: randomNormal("state", [B, H, V, K]) }),
  };
}

type At = Readonly<Record<string, Tensor>>;
const scanned = (state: boolean, form: (at: DecayScanInput) => At): Subject => ({
  inputs: inputs({ state }),
  build: (at) => form(at as unknown as DecayScanInput),
});

const chunked =
  (chunk: number) =>
  (at: DecayScanInput): At => ({ ...decayScan({ ...at, chunk }) });

function recurrent({ S_BHVK, ...columns }: DecayScanInput): At {
  let S = S_BHVK;
  const os = Array.from({ length: time }, (_, t) => {
    const at = Object.fromEntries(
      Object.entries(columns).map(([name, x]) => [name, (x as Tensor).slice(-1, t, t + 1)]),
    );
    const next = decayStep({ ...(at as unknown as DecayScanInput), S_BHVK: S });
    S = next.S_BHVK;
    return next.o_HVBT;
  });
  return { o_HVBT: concat(-1, os), S_BHVK: S! };
}

/** Masked attention: (mask ∘ decay ∘ q kᵀ) (w v), the state entering as decayed by all times before. */
function quadratic({ q_GKBT, k_GKBT, v_HVBT, logDecay_HBT, logWrite_HBT, S_BHVK }: DecayScanInput): At {
  const perHead = (x_GKBT: Tensor) =>
    x_GKBT
      .gather(
        0,
        iota(H)
          .cast("f32")
          .mul(G / H)
          .cast("i32"),
      )
      .transpose([2, 0, 3, 1]);
  const [q, k, v] = [
    perHead(q_GKBT),
    perHead(k_GKBT),
    v_HVBT.mul(logWrite_HBT!.exp().unsqueeze(1)).transpose([2, 0, 3, 1]),
  ];
  const cum = logDecay_HBT!.transpose([1, 0, 2]).cumsum(-1);
  const visible = iota(time).unsqueeze(1).greaterEqual(iota(time));
  const decay = where(visible, cum.unsqueeze(-1).sub(cum.unsqueeze(-2)), -1e9).exp();
  const last = cum.slice(-1, -1);
  const o = q.matmul(k, { transB: true }).mul(decay).matmul(v);
  const S = v.mul(last.sub(cum).exp().unsqueeze(-1)).matmul(k, { transA: true });
  const o_HVBT = (x: Tensor) => x.transpose([1, 3, 0, 2]);
  if (!S_BHVK) return { o_HVBT: o_HVBT(o), S_BHVK: S };
  const carried = q.matmul(S_BHVK, { transB: true }).mul(cum.exp().unsqueeze(-1));
  return { o_HVBT: o_HVBT(o.add(carried)), S_BHVK: S.add(S_BHVK.mul(last.exp().unsqueeze(-1))) };
}

for (const state of [false, true]) {
  const from = state ? "from a state" : "from nothing";
  test(`[mamba-2-ssd] the quadratic masked form equals the recurrence in values and gradients, ${from}`, () =>
    expectSameFunction(scanned(state, quadratic), scanned(state, recurrent)));

  // 1 time per chunk runs over chunks by scan, 3 by one product, 32 written out; 128 is one chunk.
  test.each([1, 3, 32, 128])(
    `[mamba-2-ssd] chunks of %i equal the recurrence in values and gradients, ${from}`,
    (chunk) => expectSameFunction(scanned(state, chunked(chunk)), scanned(state, recurrent)),
  );

  test.each([1, 3, 32])(`the native engine agrees on chunks of %i, ${from}`, (chunk) =>
    expectNativeAgrees(scanned(state, chunked(chunk))),
  );
}

test.each([1, 3, 32])("without decay it sums outer products (chunks of %i)", (chunk) => {
  const undecayed = (form: (at: DecayScanInput) => At): Subject => ({
    inputs: inputs({ state: true, decay: false }),
    build: (at) => form(at as unknown as DecayScanInput),
  });
  expectSameFunction(undecayed(chunked(chunk)), undecayed(recurrent));
});

test("a decay shared by the batch may have batch 1", () => {
  const shared = (spread: (x: Tensor) => Tensor): Subject => ({
    inputs: { ...inputs({ state: true }), logDecay_HBT: randomUniform("decays", [H, 1, time], [-1.5, 0]) },
    build: (at) => ({
      ...decayScan({ ...(at as unknown as DecayScanInput), logDecay_HBT: spread(at.logDecay_HBT!), chunk: 4 }),
    }),
  });
  expectSameFunction(
    shared((x) => x),
    shared((x) => x.expand([H, B, time])),
  );
});

test("total decay within a chunk far beyond f32's range gives finite values and gradients", async () => {
  const strong: Subject = {
    inputs: inputs({ state: true }),
    build: (at) => ({
      ...decayScan({
        ...(at as unknown as DecayScanInput),
        logDecay_HBT: at.logDecay_HBT!.mul(constant([300], [])),
        chunk: 16,
      }),
    }),
  };
  const { outputs, gradients } = evaluate(strong);
  for (const [name, { data }] of Object.entries({ ...outputs, ...gradients }))
    expect(data.every(Number.isFinite), name).toBe(true);
  await expectNativeAgrees(strong);
});
