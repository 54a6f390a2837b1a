/**
 * Experts choose tokens: each takes the tokens of a sequence that want it most, as many as every other expert, so that
 * load is even by construction. A token may be served by many experts or by none, and whether it is depends on later
 * tokens: not for causal models.
 * Axes: B batch, T time, D model, E experts, M tokens that an expert takes of a sequence, R = E·B·M choices, F hidden.
 */
import { z } from "zod";
import { iota, type Tensor, where, zeros } from "../../tensor/index.ts";
import { defineChannel } from "../define.ts";
import { matrix, tensor } from "../weights/declare.ts";
import { linear, value } from "../weights/use.ts";
import { activationSchema } from "./activation.ts";
import { expertNets } from "./experts.ts";
import { gatedHidden } from "./swiglu.ts";

const config = z.strictObject({
  experts: z.int().positive().default(8).describe("number of experts"),
  capacityFactor: z.number().positive().default(2).describe("experts that serve a token on average"),
  hidden: z
    .int()
    .positive()
    .optional()
    .describe("hidden width of an expert; that of the dense channel mixer if absent"),
  expert: z
    .enum(["swiglu", "mlp"])
    .default("swiglu")
    .describe("form of an expert: gated, or two plain maps; no biases"),
  activation: activationSchema.default("silu").describe("function inside each expert"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({
  D,
  E: c.experts,
  F: c.hidden ?? (c.expert === "swiglu" ? gatedHidden(D) : 4 * D),
});

function params({ D, E, F }: ReturnType<typeof dims>, c: C) {
  const inward = () => tensor([E, D, F], { kind: "normal", std: 1 / Math.sqrt(D) });
  return {
    router: matrix(D, E),
    ...(c.expert === "swiglu" && { gate: inward() }),
    up: inward(),
    down: tensor([E, F, D], { kind: "residual", std: 1 / Math.sqrt(F) }),
  };
}

export const expertChoice = defineChannel({
  kind: "expert-choice",
  title: "Expert-choice mixture of experts",
  cite: { arxiv: "2202.09368", by: "Zhou et al. 2022, section 3.2" },
  patterns: ["multi-x", "data-gating"],
  equations: [
    "S = softmax over experts of X W_r",
    "tokens of expert e: the T·c/E largest of S's column e, in each sequence",
    "y_t = Σ_{e that chose t} S_te E_e(x_t)",
  ],
  config,
  dims,
  params,
  tune: [{ key: "hidden", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: {
    flow: "causal-values-only",
    length: "any",
    batch: "independent",
    smooth: "away from ties",
    exact: "bitwise",
  },
  activeParams: ({ D, E, F }, c) =>
    D * E + Math.round(Math.min(c.capacityFactor, E) * (c.expert === "swiglu" ? 3 : 2) * D * F),
  forward(x_BTD, { c, d: { D, E }, p, io }) {
    const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
    const taken = Math.min(T, Math.max(1, Math.round((T * c.capacityFactor) / E)));
    const shares_BTE = linear(x_BTD, p.router).softmax(-1);
    // Padding wants no expert: it is taken last, and then with weight 0.
    const wanted_BTE = io.mask_BT ? where(io.mask_BT.unsqueeze(2), shares_BTE, 0) : shares_BTE;
    const { values: best_EBM, indices } = wanted_BTE.transpose([2, 0, 1]).topk(-1, taken);
    const values = io.mask_BT ? best_EBM.mul(withinCapacity(io.mask_BT, taken, c.capacityFactor / E)) : best_EBM;
    const rows_R = rowsOf(indices, T);
    const x_EMD = x_BTD
      .reshape([B * T, D])
      .gather(0, rows_R)
      .reshape([E, B * taken, D]);
    const gate_EDF = p.gate && value(p.gate);
    const experts = { gate_EDF, up_EDF: value(p.up), down_EFD: value(p.down), unit: { activation: c.activation } };
    const served_RD = expertNets(x_EMD, experts)
      .reshape([-1, D])
      .mul(values.reshape([-1, 1]));
    const y = zeros([B * T, D]).scatterAdd(0, rows_R.unsqueeze(1).expand(served_RD.shape), served_RD);
    return { y: y.reshape(x_BTD.shape), probes: { chosen_EBM: indices } };
  },
});

/** 1 for the choices that an expert of a sequence without its padding would make, else 0: [B, M]. */
function withinCapacity(mask_BT: Tensor, taken: number, share: number): Tensor {
  const share_B1 = where(mask_BT, 1, 0).sum(1, true).mul(share);
  const rank_M = iota(taken);
  // Rounded to the nearest whole number, at least one.
  return where(share_B1.greaterEqual(rank_M.cast("f32").add(0.5)).or(rank_M.equal(0)), 1, 0);
}

/** Numbers of tokens over the whole batch, from numbers within sequences i32 [E, B, M]. */
function rowsOf(indices_EBM: Tensor, tokens: number): Tensor {
  const B = indices_EBM.dim(1);
  const first_B1 = iota(B).mul(tokens).unsqueeze(1);
  return indices_EBM.add(first_B1).reshape([-1]);
}
