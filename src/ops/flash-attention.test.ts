import { describe, expect, test } from "vitest";
import { peakBytes } from "../engine/index.ts";
import { grad, storedActivations } from "../grad/index.ts";
import { input, type Tensor } from "../tensor/index.ts";
import { evaluate, randomNormal, type Subject } from "../testing/index.ts";
import { causalMask, scaledDotProduct } from "./attention.ts";
import { blockwiseAttention } from "./blockwise-attention.ts";

const T = 23;
const inputs = {
  q: randomNormal("q", [2, 2, T, 4]),
  k: randomNormal("k", [2, 2, T, 4]),
  v: randomNormal("v", [2, 2, T, 3]),
};

type Leaves = Readonly<Record<string, Tensor>>;
const whole = ({ q, k, v }: Leaves): Tensor => {
  const [T, S] = [q!.dim(2), k!.dim(2)];
  return scaledDotProduct({ q: q!, k: k!, v: v! }, { scale: 0.5, mask: causalMask(T, S) });
};
const tiled =
  (block: number, recompute: boolean, causal = true) =>
  ({ q, k, v }: Leaves): Tensor =>
    blockwiseAttention({ q_BHTK: q!, k_BGTK: k!, v_BGTV: v!, scale: 0.5, causal, block, recompute }).y_BHTV;

const subject = (form: (at: Leaves) => Tensor): Subject => ({ inputs, build: (at) => ({ y: form(at) }) });

describe("[flash-attention] block by block", () => {
  test("[flash-attention] equals plain attention to 1e-6 for every tile size, ragged ones too, and so does its recomputing backward pass", () => {
    const plain = evaluate(subject(whole));
    for (let block = 1; block <= T + 1; block++)
      for (const recompute of [true, false]) {
        const { outputs, gradients } = evaluate(subject(tiled(block, recompute)));
        expect(outputs.y!, `${block}`).toBeAllclose(plain.outputs.y!, { tolerance: 1e-6 });
        for (const name of ["q", "k", "v"])
          expect(gradients[name]!, `${block} ${name}`).toBeAllclose(plain.gradients[name]!, { tolerance: 1e-6 });
      }
  });

  const K = 4;
  const leaves = (n: number): Leaves =>
    Object.fromEntries(["q", "k", "v"].map((name) => [name, input(name, [1, 1, n, K])]));
  const peak = (form: (at: Leaves) => Tensor, n: number) => peakBytes([form(leaves(n))]);

  test("[flash-attention] most bytes alive at a time are O(n·B) where plain attention's are O(n²)", () => {
    const block = 16;
    const [first, second, third] = [256, 512, 1024].map((n) => peak(tiled(block, true), n)) as [number, number, number];
    expect(second / first).toBeLessThan(2.05);
    expect(third / second).toBeLessThan(2.05);
    // A few blocks of scores and a few tensors like q.
    for (const [n, bytes] of [[256, first], [512, second], [1024, third]] as const) // biome-ignore format: a table
      expect(bytes).toBeLessThan(4 * n * (8 * block + 24 * K));
    expect(peak(whole, 1024) / peak(whole, 512)).toBeGreaterThan(3.9);
    expect(peak(tiled(block, true, false), 1024) / peak(tiled(block, true, false), 512)).toBeLessThan(2.05);
    const [narrow, wide] = [8, 64].map((size) => peak(tiled(size, true), 1024)) as [number, number];
    expect(wide / narrow).toBeGreaterThan(2);
    expect(wide / narrow).toBeLessThan(8);
  });

  test("[flash-attention] what is kept for the backward pass grows with n, not with n²", () => {
    const kept = (form: (at: Leaves) => Tensor, n: number) => {
      const at = leaves(n);
      const loss = form(at).square().sum();
      const gradients = grad(loss, Object.values(at));
      return storedActivations([loss], { gradients, parameters: [] }).reduce((sum, t) => sum + t.bytes, 0);
    };
    expect(kept(tiled(16, true), 512)).toBe(2 * kept(tiled(16, true), 256));
    expect(kept(whole, 512)).toBeGreaterThan(3.8 * kept(whole, 256));
  });
});
