import { describe, expect, test } from "vitest";
import type { Tensor } from "../tensor/index.ts";
import { randomNormal, randomUniform, run } from "../testing/index.ts";
import { blockwiseAttention } from "./blockwise-attention.ts";

describe("the scale of scores", () => {
  const sizes = [16, 64, 256, 1024];

  /** Attention weights of standard normal queries and keys, a row of 16 at a time. */
  function weightRows(K: number, scale: number): Float64Array[] {
    const leaf = (name: string) => randomNormal(`${name} of ${K}`, [1, 4, 16, K]);
    const inputs = { q: leaf("q"), k: leaf("k"), v: leaf("v") };
    const build = ({ q, k, v }: Readonly<Record<string, Tensor>>) => ({
      weights: blockwiseAttention({ q_BHTK: q!, k_BGTK: k!, v_BGTV: v!, scale, causal: false }).weights_BHTS,
    });
    const { data } = run({ inputs, build }).weights!;
    return Array.from({ length: data.length / 16 }, (_, row) => data.subarray(16 * row, 16 * row + 16));
  }
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const power = (p: Float64Array, n: number) => p.reduce((sum, value) => sum + value ** n, 0);
  /** Frobenius norm of diag(p) − p pᵀ. */
  const jacobian = (p: Float64Array) => Math.sqrt(Math.max(0, power(p, 2) - 2 * power(p, 3) + power(p, 2) ** 2));

  test("[sqrt-dk-scale] q·k has variance d, so that unscaled the softmax saturates and its Jacobian vanishes; scaled it stays", () => {
    const pairs = 4000;
    for (const K of sizes) {
      const [q, k] = ["q", "k"].map(
        (name) => randomUniform(`variance ${name} ${K}`, [pairs, K], [-Math.sqrt(3), Math.sqrt(3)]).data,
      ) as [Float64Array, Float64Array];
      const dots = Array.from({ length: pairs }, (_, i) =>
        q.subarray(i * K, (i + 1) * K).reduce((sum, value, j) => sum + value * k[i * K + j]!, 0),
      );
      const ratio = mean(dots.map((dot) => dot * dot)) / K;
      expect(ratio).toBeGreaterThan(0.95);
      expect(ratio).toBeLessThan(1.05);
    }
    const unscaled = sizes.map((K) => mean(weightRows(K, 1).map(jacobian)));
    const scaled = sizes.map((K) => mean(weightRows(K, K ** -0.5).map(jacobian)));
    for (let i = 1; i < sizes.length; i++) expect(unscaled[i]).toBeLessThan(0.8 * unscaled[i - 1]!);
    for (const norm of scaled) expect(Math.abs(norm / scaled[0]! - 1)).toBeLessThan(0.15);
  });

  test("[attn-dot-unscaled] without a scale the largest weight tends to 1 and the entropy to 0", () => {
    const rows = [4, ...sizes].map((K) => weightRows(K, 1));
    const largest = rows.map((list) => mean(list.map((p) => Math.max(...p))));
    const entropy = rows.map((list) =>
      mean(list.map((p) => p.reduce((sum, value) => sum - (value > 0 ? value * Math.log(value) : 0), 0))),
    );
    for (let i = 1; i < rows.length; i++) {
      expect(largest[i]).toBeGreaterThan(largest[i - 1]!);
      expect(entropy[i]).toBeLessThan(entropy[i - 1]!);
    }
    expect(largest.at(-1)).toBeGreaterThan(0.95);
    expect(entropy.at(-1)).toBeLessThan(0.15);
  });
});
