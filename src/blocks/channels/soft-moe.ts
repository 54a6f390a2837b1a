/**
 * Soft mixture of experts: every slot of every expert gets a convex mixture of all tokens, every token a convex mixture
 * of all slots' results. Nothing is chosen or dropped, and every token sees its whole sequence.
 * Axes: B batch, T time, D model, E experts, S slots of an expert, Z = E·S all slots, F hidden.
 */
import { z } from "zod";
import { type Tensor, where } from "../../tensor/index.ts";
import { defineChannel } from "../define.ts";
import { bias, gain, matrix, tensor } from "../weights/declare.ts";
import { value } from "../weights/use.ts";
import { activationSchema, activations, smoothnessOf } from "./activation.ts";
import { gatedHidden } from "./swiglu.ts";

const config = z.strictObject({
  experts: z.int().positive().default(8).describe("number of experts"),
  slots: z.int().positive().default(4).describe("slots of each expert, whatever the length of the sequence"),
  hidden: z
    .int()
    .positive()
    .optional()
    .describe("hidden width of an expert; that of the dense channel mixer if absent"),
  expert: z.enum(["mlp", "swiglu"]).default("mlp").describe("form of an expert: two plain maps, or gated"),
  activation: activationSchema.default("gelu").describe("function inside each expert"),
  bias: z.boolean().default(false).describe("whether the experts' maps have offsets"),
  normalise: z
    .boolean()
    .default(true)
    .describe(
      "whether logits are cosines of tokens and slots times a learned scale (section 2.3); false: plain products",
    ),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({
  D,
  E: c.experts,
  S: c.slots,
  F: c.hidden ?? (c.expert === "swiglu" ? gatedHidden(D) : 4 * D),
});

function params({ D, E, S, F }: ReturnType<typeof dims>, c: C) {
  const gated = c.expert === "swiglu";
  const inward = () => tensor([E, D, F], { kind: "normal", std: 1 / Math.sqrt(D) });
  const offset = (width: number) => bias(E * width);
  return {
    slots: matrix(D, E * S),
    ...(c.normalise && { slotScale: gain(1) }),
    ...(gated && { gate: inward() }),
    up: inward(),
    down: tensor([E, F, D], { kind: "residual", std: 1 / Math.sqrt(F) }),
    ...(c.bias && { ...(gated && { gateBias: offset(F) }), upBias: offset(F), downBias: offset(D) }),
  };
}

export const softMoe = defineChannel({
  kind: "soft-moe",
  title: "Soft mixture of experts",
  cite: { arxiv: "2308.00951", by: "Puigcerver et al. 2023, eq. 1–3" },
  patterns: ["multi-x"],
  equations: [
    "logits = X Φ  (or scale · cosines of tokens and slots)",
    "D = softmax over tokens,  C = softmax over slots",
    "slot inputs = Dᵀ X,  Y = C · experts(slot inputs)",
  ],
  config,
  dims,
  params,
  tune: [{ key: "hidden", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: (c) => ({
    flow: "bidirectional",
    length: "any",
    batch: "independent",
    smooth: smoothnessOf(c.activation),
    exact: "bitwise",
  }),
  forward(x_BTD, { c, d: { D, E, S }, p, io }) {
    const scaled = p.slotScale ? unit(value(p.slots), 0).mul(value(p.slotScale)) : value(p.slots);
    const logits_BTZ = (c.normalise ? unit(x_BTD, -1) : x_BTD).matmul(scaled);
    const seen = io.mask_BT ? where(io.mask_BT.unsqueeze(2), logits_BTZ, unseen) : logits_BTZ;
    const dispatch_BTZ = seen.softmax(1);
    const slots_BZD = dispatch_BTZ.matmul(x_BTD, { transA: true });
    const B = x_BTD.dim(0);
    const slots_EMD = slots_BZD
      .reshape([B, E, S, D])
      .transpose([1, 0, 2, 3])
      .reshape([E, B * S, D]);
    const affine = (rows: Tensor, weight: Tensor, offset: Tensor | undefined) =>
      offset ? rows.matmul(weight).add(offset.reshape([E, 1, -1])) : rows.matmul(weight);
    const act = activations[c.activation];
    const up = affine(slots_EMD, value(p.up), p.upBias?.tensor);
    const hidden = p.gate ? act(affine(slots_EMD, value(p.gate), p.gateBias?.tensor)).mul(up) : act(up);
    const out_EMD = affine(hidden, value(p.down), p.downBias?.tensor);
    const out_BZD = out_EMD
      .reshape([E, B, S, D])
      .transpose([1, 0, 2, 3])
      .reshape([B, E * S, D]);
    return { y: logits_BTZ.softmax(-1).matmul(out_BZD) };
  },
});

/** Stands for minus infinity where no slot may see padding. */
const unseen = -1e30;

/** Length 1 along an axis. */
const unit = (x: Tensor, axis: number): Tensor => x.div(x.square().sum(axis, true).add(1e-12).sqrt());
