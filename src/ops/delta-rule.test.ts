import { expect, test } from "vitest";
import { concat, constant, type Tensor } from "../tensor/index.ts";
import {
  type Arrays,
  expectNativeAgrees,
  expectSameFunction,
  randomNormal,
  randomUniform,
  run,
  type Subject,
} from "../testing/index.ts";
import { unitScale } from "./decay-scan-layout.ts";
import { type DeltaRuleInput, deltaRule, deltaStep } from "./delta-rule.ts";

const [G, H, K, V, B] = [2, 4, 3, 5, 2];
const time = 23;

function inputs({ state, decay }: { state: boolean; decay: boolean }): Arrays {
  return {
    q_GKBT: randomNormal("queries", [G, K, B, time]),
    k_GKBT: randomNormal("keys", [G, K, B, time]),
    v_HVBT: randomNormal("values", [H, V, B, time]),
    beta_HBT: randomUniform("strengths", [H, B, time], [0, 2]),
    ...(decay && { logDecay_HBT: randomUniform("decays", [H, B, time], [-1, 0]) }),
    ...(state && { S_BHVK: randomNormal("state", [B, H, V, K]) }),
  };
}

type At = Readonly<Record<string, Tensor>>;

const ruled = (given: { state: boolean; decay: boolean }, form: (at: DeltaRuleInput) => At): Subject => ({
  inputs: inputs(given),
  build: (leaves) => {
    const at = leaves as unknown as DeltaRuleInput;
    return form({ ...at, k_GKBT: unitScale(at.k_GKBT, 1) });
  },
});

const chunked =
  (chunk: number) =>
  (at: DeltaRuleInput): At => ({ ...deltaRule({ ...at, chunk }) });

function recurrent({ S_BHVK, ...columns }: DeltaRuleInput): At {
  let S = S_BHVK;
  const os = Array.from({ length: time }, (_, t) => {
    const at = Object.fromEntries(
      Object.entries(columns).map(([name, x]) => [name, (x as Tensor).slice(-1, t, t + 1)]),
    );
    const next = deltaStep({ ...(at as unknown as DeltaRuleInput), S_BHVK: S });
    S = next.S_BHVK;
    return next.o_HVBT;
  });
  return { o_HVBT: concat(-1, os), S_BHVK: S! };
}

for (const state of [false, true])
  for (const decay of [false, true]) {
    const given = { state, decay };
    const label = `${decay ? "gated" : "plain"}, ${state ? "from a state" : "from nothing"}`;
    // 2 times per chunk run over chunks by scan, 8 are written out; 64 is one chunk.
    test.each([2, 8, 64])(`chunks of %i equal the recurrence in values and gradients (${label})`, (chunk) =>
      expectSameFunction(ruled(given, chunked(chunk)), ruled(given, recurrent)),
    );
    test(`the native engine agrees (${label})`, () => expectNativeAgrees(ruled(given, chunked(8))));
  }

/** One head, one sequence: keys e_i, values v_i, strength 1 throughout; reads at `queries` after the last write. */
function stored(writes: readonly { key: number; value: readonly number[] }[], chunk: number): number[][] {
  const [keys, width] = [4, 2];
  const oneHot = (i: number) => Array.from({ length: keys }, (_, k) => (k === i ? 1 : 0));
  const columns = (rows: readonly (readonly number[])[]) =>
    rows[0]!.flatMap((_, feature) => rows.map((row) => row[feature]!));
  const k_GKBT = constant(columns(writes.map(({ key }) => oneHot(key))), [1, keys, 1, writes.length]);
  const v_HVBT = constant(columns(writes.map(({ value }) => value)), [1, width, 1, writes.length]);
  const beta_HBT = constant(
    writes.map(() => 1),
    [1, 1, writes.length],
  );
  const { S_BHVK } = deltaRule({ q_GKBT: k_GKBT, k_GKBT, v_HVBT, beta_HBT, chunk });
  const { S } = run({ inputs: {}, build: () => ({ S: S_BHVK }) });
  return Array.from({ length: keys }, (_, k) => Array.from({ length: width }, (_, v) => S!.data[v * keys + k]!));
}

test.each([1, 2, 8])(
  "with orthonormal keys it stores associations exactly and overwrites them (chunks of %i)",
  (chunk) => {
    const writes = [
      { key: 0, value: [1, 2] },
      { key: 1, value: [3, 4] },
      { key: 2, value: [-5, 6] },
      { key: 0, value: [7, -8] },
      { key: 2, value: [0.5, 0.25] },
    ];
    expect(stored(writes, chunk)).toEqual([
      [7, -8],
      [3, 4],
      [0.5, 0.25],
      [0, 0],
    ]);
  },
);
