import { describe, expect, test } from "vitest";
import { createReferenceEngine } from "../engine/index.ts";
import { buildSpec, canonicalSpec } from "../spec/index.ts";
import { input, scan, type Tensor, zeros } from "../tensor/index.ts";
import { activationBytes, describeModel, energyOf, workOf } from "./index.ts";

const [T, D, F] = [12, 8, 20];
const W = input("W", [D, F]);

/** A layer of rectified units. */
const dense = (): Tensor => input("x", [T, D]).matmul(W).maximum(0);

/** Leaky integrate-and-fire units, u ← β u + x − θ s, s = [u > θ] (Eshraghian et al. 2023, eq. 4), and what they excite. */
function spiking(): Tensor {
  const [beta, theta] = [0.9, 1];
  const { ys } = scan({
    init: [zeros([D]), zeros([D])],
    xs: [input("x", [T, D])],
    step: ([u, s], [x]) => {
      const potential = u!.mul(beta).add(x!).sub(s!.mul(theta));
      const fired = potential.greater(theta).cast("f32");
      return { states: [potential, fired], ys: [fired] };
    },
  });
  return ys[0]!.matmul(W);
}

describe("[energy-proxy] spiking beside dense", () => {
  const [plain, spikes] = [workOf([dense()]), workOf([spiking()])];

  test("[energy-proxy] the table of operations is exact", () => {
    expect(plain.operations).toEqual({ additions: T * D * F, multiplications: T * D * F, logic: T * F, functions: 0 });
    // Only the leak is multiplied: the reset and the synapses are chosen by spikes.
    expect(spikes.operations).toEqual({
      additions: T * D * F + 2 * T * D,
      multiplications: T * D,
      logic: T * D * F + 2 * T * D,
      functions: 0,
    });
  });

  test("[energy-proxy] bytes are what the nodes read and write", () => {
    const product = 4 * (T * D + D * F + T * F);
    expect(plain.bytes).toBe(product + 4 * (T * F + 1 + T * F));
    // β u, + x, θ s, −: floats in and out, with two constants; > θ gives booleans, which become floats.
    const step = 4 * (2 * D + 1) + 4 * 3 * D + 4 * (2 * D + 1) + 4 * 3 * D + (4 * D + 4 + D) + (D + 4 * D);
    const starts = 2 * 4 * (1 + D);
    expect(spikes.bytes).toBe(product + T * step + starts);
  });

  test("[energy-proxy] energy is the table times the published figures", () => {
    const picojoules = (additions: number, multiplications: number, logic: number) =>
      0.9 * additions + 3.7 * multiplications + 0.1 * logic;
    expect(plain.energy.arithmetic).toBeCloseTo(1e-12 * picojoules(T * D * F, T * D * F, T * F), 20);
    expect(plain.energy.cache).toBeCloseTo((1e-12 * 20 * plain.bytes) / 8, 20);
    expect(plain.energy.memory).toBeCloseTo((1e-12 * 1300 * plain.bytes) / 8, 20);
    expect(spikes.energy.arithmetic).toBeLessThan(0.4 * plain.energy.arithmetic);
    expect(energyOf({ additions: 0, multiplications: 0, logic: 0, functions: 1e12 }, 0).arithmetic).toBeCloseTo(
      3.7,
      12,
    );
  });

  test("[energy-proxy] nothing but 0 and 1 passes for a spike", async () => {
    const engine = createReferenceEngine();
    const program = await engine.compile({ outputs: { y: spiking() } });
    const x = Float32Array.from({ length: T * D }, (_, i) => Math.sin(i) + 0.5);
    const identity = Float32Array.from({ length: D * F }, (_, i) => (Math.floor(i / F) === i % F ? 1 : 0));
    const { y } = await program.run({ x, W: identity });
    const values = new Set(Array.from(y as Float32Array));
    expect([...values].sort()).toEqual([0, 1]);
    await engine.close();
  });
});

test("work is per token, but for the steps of the pass; a decoded token costs the same behind any context of a finite state", () => {
  const built = buildSpec(canonicalSpec({ name: "m", width: 16, layers: [{ mixer: { kind: "lstm" } }] }), {
    tokens: 9,
  });
  const [short, long] = [describeModel(built, { context: 32 }), describeModel(built, { context: 128 })];
  for (const { work } of [short, long])
    for (const one of [work.train, work.prefill, work.decode!]) {
      const { additions, multiplications, logic, functions } = one.operations;
      expect(additions + multiplications + logic + functions).toBeCloseTo(one.flops, 8);
      expect(one.flopsPerByte).toBe(one.flops / one.bytes);
    }
  expect(long.work.decode).toEqual(short.work.decode);
  expect(long.work.prefill.flops / short.work.prefill.flops).toBeCloseTo(1, 1);
  expect(long.work.prefill.steps).toBeGreaterThan(3 * short.work.prefill.steps);
  expect(activationBytes(built, { batch: 1, length: 128 })).toBe(long.activationBytes);
  expect(activationBytes(built, { batch: 3, length: 128 })).toBeGreaterThan(2.9 * long.activationBytes);
});
