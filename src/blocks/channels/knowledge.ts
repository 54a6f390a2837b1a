/**
 * Generalised cross-attention: every token asks a base of knowledge vectors, which layers may share, through maps of the layer's own.
 * For a fixed base it is a feed-forward net with one hidden feature an entry.
 * Axes: D model, E entries, W width of an entry, K width of queries and keys.
 */
import { z } from "zod";
import type { Tensor } from "../../tensor/index.ts";
import { defineChannel } from "../define.ts";
import { matrix, tensor } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";
import { activationSchema, activations, smoothnessOf } from "./activation.ts";

const count = () => z.int().positive();

const config = z.strictObject({
  entries: count().default(256).describe("vectors of the base; share it among layers by ties"),
  entrySize: count().optional().describe("width of an entry (default: the model width)"),
  keySize: count().optional().describe("width of queries and keys (default: the model width)"),
  activation: activationSchema.default("relu").describe("function of the scores, in place of softmax"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, E: c.entries, W: c.entrySize ?? D, K: c.keySize ?? D });
type Sizes = ReturnType<typeof dims>;

const params = ({ D, E, W, K }: Sizes) => ({
  base: tensor([E, W], { kind: "normal", std: 1 }),
  query: matrix(D, K),
  key: matrix(W, K),
  threshold: matrix(W, 1, { init: "zeros" }),
  value: matrix(W, D, { init: "residual" }),
  offset: matrix(W, D, { init: "zeros" }),
});
type P = Weights<ReturnType<typeof params>>;

export const knowledge = defineChannel({
  kind: "knowledge",
  title: "Generalised cross-attention to a knowledge base",
  cite: { arxiv: "2501.00823", by: "Guo & Chen 2025" },
  patterns: ["higher-order"],
  equations: [
    "y = φ(x W_q K(B)ᵀ / √K + b₁(B)) V(B) + b₂(B)",
    "K(B) = B W_k,  b₁(B) = B w,  V(B) = B W_v,  b₂(B) = the mean of B W_b over entries",
  ],
  config,
  dims,
  params,
  tune: [{ key: "entries", unit: 1 }],
  capabilities: ({ activation }) => ({
    flow: "both",
    length: "any",
    batch: "independent",
    smooth: smoothnessOf(activation),
    exact: "bitwise",
  }),
  forward(x, { c, d, p }) {
    const { up, upBias, down, downBias } = closureOf(p, d.K);
    return { y: activations[c.activation](x.matmul(up).add(upBias)).matmul(down).add(downBias) };
  },
});

/** The feed-forward net that a base makes of it: up [D, E], upBias [E], down [E, D], downBias [D]. */
export function closureOf(p: P, K: number): Record<"up" | "upBias" | "down" | "downBias", Tensor> {
  const base_EW = value(p.base);
  return {
    up: value(p.query).matmul(linear(base_EW, p.key), { transB: true, alpha: K ** -0.5 }),
    upBias: linear(base_EW, p.threshold).squeeze(-1),
    down: linear(base_EW, p.value),
    downBias: linear(base_EW.mean(0, true), p.offset).squeeze(0),
  };
}
