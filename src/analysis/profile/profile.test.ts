import { describe, expect, test } from "vitest";
import { buildSpec, canonicalSpec, type SpecInput } from "../../spec/index.ts";
import { blockOf, costsOf } from "./costs.ts";
import { isProduct, productFlops } from "./product-flops.ts";
import { profileModel } from "./profile.ts";
import type { Profile } from "./results.ts";

const layers = [
  { mixer: { kind: "attention" as const, heads: 2 }, channel: { kind: "mlp" as const } },
  { mixer: { kind: "lstm" as const } },
];
const build = (spec: Partial<SpecInput>) =>
  buildSpec(canonicalSpec({ name: "small", width: 16, layers, ...spec } as SpecInput), { tokens: 20 });

function assertSound({ blocks, parts, ops, kernels, ...whole }: Profile): void {
  const sum = (costs: readonly { ms: number }[]) => costs.reduce((total, { ms }) => total + ms, 0);
  for (const list of [blocks, parts, ops, kernels]) {
    expect(sum(list)).toBeCloseTo(whole.kernelMs, 6);
    for (const { ms, share, calls, bytes } of list) {
      expect(ms).toBeGreaterThanOrEqual(0);
      expect(share).toBeCloseTo(ms / whole.ms, 9);
      expect(calls).toBeGreaterThan(0);
      expect(bytes).toBeGreaterThan(0);
    }
  }
  expect(whole.kernelMs).toBeGreaterThan(0);
  expect(whole.kernelMs).toBeLessThanOrEqual(whole.graphMs);
  expect(whole.graphMs).toBeLessThanOrEqual(whole.ms);
  expect(whole.stepMs.mean).toBeGreaterThanOrEqual(whole.ms);
  expect(whole.products.shareOfPeak).toBeGreaterThan(0);
  expect(whole.peak.gflops).toBeGreaterThan(0);
}

describe("a training step", () => {
  test("is split into its blocks, forward and backward; parts add up to no more than the whole", async () => {
    const found = await profileModel(build({}), { batch: 2, length: 8, steps: 3, threads: 2 });
    assertSound(found);
    expect(found.stepMs.n).toBe(3);
    const paths = found.blocks.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(["embedding", "layers.0", "layers.1", "norm", "head", "objective"]));
    expect(paths.indexOf("layers.0")).toBeLessThan(paths.indexOf("layers.1"));
    for (const { forwardMs, backwardMs } of found.blocks.filter(({ path }) => path.startsWith("layers.")))
      expect(Math.min(forwardMs, backwardMs)).toBeGreaterThan(0);
    for (const pass of ["forward", "backward"] as const)
      expect(found.parts.filter((part) => part.pass === pass).map(({ path }) => path)).toEqual(
        expect.arrayContaining(["layers.0.mixer", "layers.0.channel", "layers.1.mixer"]),
      );
  });

  test("products have the FLOPs of their shapes", async () => {
    const found = await profileModel(build({ layers: [layers[0]!] }), { batch: 2, length: 8, steps: 1, threads: 1 });
    const head = found.kernels.find(({ path, pass, op }) => path === "head" && pass === "forward" && isProduct(op))!;
    expect(head.flops).toBe(2 * (2 * 8) * 16 * 20);
    const forward = found.parts.find(({ path, pass }) => path === "layers.0.channel" && pass === "forward")!;
    const backward = found.parts.find(({ path, pass }) => path === "layers.0.channel" && pass === "backward")!;
    expect(forward.flops).toBe(2 * (2 * 2 * 8 * 16 * 64));
    expect(backward.flops).toBe(2 * forward.flops);
  });
});

test("a decoding step runs forward alone", async () => {
  const found = await profileModel(build({}), { kind: "decode", length: 20, steps: 2, threads: 1 });
  assertSound(found);
  expect(found.task).toEqual({ kind: "decode", batch: 1, length: 20 });
  expect(found.parts.every(({ pass }) => pass === "forward")).toBe(true);
});

test("what cannot be timed is refused", async () => {
  const bidirectional = build({
    layers: [{ mixer: { kind: "attention", heads: 2, causal: false } }],
    objective: { kind: "masked-diffusion" },
  });
  await expect(profileModel(bidirectional, { kind: "decode" })).rejects.toThrow(/decodes token by token.*E_PROFILE/);
  const short = build({ embedding: { kind: "token", positions: { kind: "learned", max: 16 } } });
  await expect(profileModel(short, { length: 17 })).rejects.toThrow(/at most 16 tokens/);
});

test("FLOPs of products are read off shapes: plain, transposed, batched, broadcast, convolved", () => {
  expect(
    productFlops(
      "MatMul",
      [
        [3, 5],
        [5, 7],
      ],
      [[3, 7]],
    ),
  ).toBe(2 * 3 * 5 * 7);
  expect(
    productFlops(
      "FusedMatMul",
      [
        [5, 3],
        [7, 5],
      ],
      [[3, 7]],
    ),
  ).toBe(2 * 3 * 5 * 7);
  expect(
    productFlops(
      "FusedMatMul",
      [
        [2, 4, 6, 5],
        [2, 4, 6, 7],
      ],
      [[2, 4, 5, 7]],
    ),
  ).toBe(2 * 8 * 5 * 6 * 7);
  expect(
    productFlops(
      "MatMul",
      [
        [2, 3, 5],
        [5, 7],
      ],
      [[2, 3, 7]],
    ),
  ).toBe(2 * 6 * 5 * 7);
  expect(productFlops("MatMul", [[5], [5, 7]], [[7]])).toBe(2 * 5 * 7);
  expect(productFlops("Gemm", [[3, 5], [5, 7], [7]], [[3, 7]])).toBe(2 * 3 * 5 * 7);
  expect(
    productFlops(
      "Conv",
      [
        [1, 4, 9],
        [8, 2, 3],
      ],
      [[1, 8, 7]],
    ),
  ).toBe(2 * 8 * 7 * 2 * 3);
  expect(productFlops("Add", [[3], [3]], [[3]])).toBe(0);
});

test("blocks are layers, or parts outside them", () => {
  expect(["layers.3.mixer", "encoder.layers.0.mixerNorm", "head", ""].map(blockOf)).toEqual([
    "layers.3",
    "encoder.layers.0",
    "head",
    "other",
  ]);
  const kernel = { op: "Add", pass: "forward", selfUs: 500, bytes: 8, inputs: [[1]], outputs: [[1]] } as const;
  const { all, blocks } = costsOf(
    { us: 2000, kernels: ["a", "b"].map((name) => ({ name, path: name, ...kernel })) },
    4,
  );
  expect(all).toEqual({ ms: 1, share: 0.25, calls: 2, bytes: 16, flops: 0, gflops: null });
  expect(blocks.map(({ path, ms }) => [path, ms])).toEqual([
    ["a", 0.5],
    ["b", 0.5],
  ]);
});
