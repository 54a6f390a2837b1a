/**
 * A memory of N² slots behind keys that are sums of two halves: the best of all are among the sums of each half's best,
 * so that 2N scores and k² sums find them. What a slot holds is a vector, or a neuron of two (PEER).
 * Axes: [..., D] model, H heads, N keys of a half, K key width of a half, S slots chosen.
 */
import { z } from "zod";
import { layerNorm, type Tensor } from "../../tensor/index.ts";
import { defineChannel } from "../define.ts";
import { bias, gain, matrix, table, tensor } from "../weights/declare.ts";
import { embed, linear, value, type Weights } from "../weights/use.ts";
import { activationSchema, activations } from "./activation.ts";

const config = z.strictObject({
  heads: z.int().positive().default(4).describe("queries of each token"),
  keys: z.int().positive().default(32).describe("N, keys of each half; the memory has N² slots"),
  topK: z.int().positive().default(8).describe("slots that each query reads"),
  keySize: z.int().positive().optional().describe("width of a half of a key; default a quarter of the model width"),
  gates: z
    .enum(["softmax", "relu"])
    .default("softmax")
    .describe("weights of the chosen slots: the softmax of their scores, or max(score, 0)"),
  slots: z
    .enum(["vectors", "neurons"])
    .default("vectors")
    .describe("what a slot holds: a vector, or a neuron of an input and an output vector (PEER)"),
  activation: activationSchema.default("gelu").describe("nonlinearity of neurons"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.heads, N: c.keys, K: c.keySize ?? Math.ceil(D / 4), slots: c.keys ** 2 });
type Dims = ReturnType<typeof dims>;

const params = ({ D, H, N, K, slots }: Dims, c: C) => ({
  query: matrix(D, 2 * H * K),
  queryGain: gain(K),
  queryBias: bias(K),
  keys: tensor([2, H, N, K], { kind: "normal", std: 1 / Math.sqrt(K) }),
  ...(c.slots === "neurons" && { inputs: table(slots, D, { kind: "normal", std: 1 / Math.sqrt(D) }) }),
  values: table(slots, D, { kind: "normal", std: 1 / Math.sqrt(D) }),
});
type P = Weights<ReturnType<typeof params>>;

export const productKeyMemory = defineChannel({
  kind: "product-key-memory",
  title: "Product-key memory",
  cite: { arxiv: "1907.05242", by: "Lample et al. 2019; neurons: He 2024 (PEER, arXiv 2407.04153)" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "(q¹, q²) = norm of the halves of x W_q, for every head",
    "slot (i, j) scores q¹·k¹_i + q²·k²_j;  the k best of all N² are read",
    "y = Σ_heads Σ_chosen g v   (PEER: g φ(u·x) v),  g the softmax of the scores",
  ],
  config,
  dims,
  params,
  tune: [{ key: "keys", unit: 1 }],
  capabilities: {
    flow: "both",
    length: "any",
    batch: "independent",
    smooth: "away from ties",
    exact: "bitwise",
  },
  activeParams: ({ D, H, N, K }, c) => 2 * H * K * (D + N) + 2 * K + H * c.topK * D * (c.slots === "neurons" ? 2 : 1),
  forward(x, { c, d, p }) {
    const x_MD = x.reshape([-1, d.D]);
    const { scores_MHS, slots_MHS } = bestSlots(x_MD, { c, d, p });
    const gates = c.gates === "softmax" ? scores_MHS.softmax(-1) : scores_MHS.relu();
    const own = p.inputs ? gates.mul(neurons(x_MD, slots_MHS, { c, p })) : gates;
    const read = own.shape[1]! * own.shape[2]!;
    const values_MRD = embed(slots_MHS.reshape([-1, read]), p.values);
    const y = own.reshape([-1, 1, read]).matmul(values_MRD).squeeze(1);
    return { y: y.reshape(x.shape), probes: { slots: slots_MHS.cast("f32"), gates: own } };
  },
});

/** The best S slots of every query, numbered i·N + j, and their scores. */
function bestSlots(x_MD: Tensor, { c, d: { H, N, K }, p }: { c: C; d: Dims; p: P }) {
  const M = x_MD.dim(0);
  const query_M2HK = linear(x_MD, p.query).reshape([M, 2, H, K]);
  const normed = layerNorm(query_M2HK, value(p.queryGain), value(p.queryBias));
  const query_2HMK = normed.transpose([1, 2, 0, 3]);
  const scores_2HMN = query_2HMK.matmul(value(p.keys), { transB: true });
  const k = Math.min(c.topK, N);
  const { values, indices } = scores_2HMN.topk(-1, k);
  const [first, second] = [values.at(0, 0), values.at(0, 1)];
  const sums_HMP = first
    .unsqueeze(-1)
    .add(second.unsqueeze(-2))
    .reshape([H, M, k * k]);
  const rows = indices.at(0, 0).mul(N).unsqueeze(-1);
  const slots_HMP = rows.add(indices.at(0, 1).unsqueeze(-2)).reshape([H, M, k * k]);
  const best = sums_HMP.topk(-1, Math.min(c.topK, k * k));
  return {
    scores_MHS: best.values.transpose([1, 0, 2]),
    slots_MHS: slots_HMP.gatherElements(-1, best.indices).transpose([1, 0, 2]),
  };
}

/** φ(u·x) of the chosen neurons. */
function neurons(x_MD: Tensor, slots_MHS: Tensor, { c, p }: { c: C; p: P }): Tensor {
  const [M, H, S] = slots_MHS.shape as [number, number, number];
  const inputs_MRD = embed(slots_MHS.reshape([M, H * S]), p.inputs!);
  const products = inputs_MRD.matmul(x_MD.unsqueeze(2)).reshape([M, H, S]);
  return activations[c.activation](products);
}
