import { z } from "zod";
import { iota, type Tensor, where } from "../../tensor/index.ts";
import { defineHead, type Io } from "../define.ts";
import { bias, matrix } from "../weights/declare.ts";
import { linear } from "../weights/use.ts";

const config = z.strictObject({
  classes: z.int().positive().default(2).describe("classes, or values of a regression"),
  pool: z
    .enum(["mean", "first", "last", "max"])
    .default("mean")
    .describe("how the tokens' vectors become one; last is the last real token"),
  pooler: z.boolean().default(false).describe("a dense layer with tanh on the pooled vector (BERT)"),
  bias: z.boolean().default(true).describe("add a learned offset per class"),
});
type Pool = z.infer<typeof config>["pool"];

/** One score per class for the whole sequence: x [B, T, D] → [B, C]. Padding is left out by `io.mask_BT`. */
export const classes = defineHead({
  kind: "classes",
  title: "Scores of a sequence",
  cite: { arxiv: "1810.04805", by: "Devlin et al. 2018" },
  equations: ["h = mean_t | max_t x_t  or  x_1  or  x_T", "h ← tanh(h·W_p + b_p)  (pooler)", "z = h·W + b"],
  config,
  per: "sequence",
  outputs: (c) => c.classes,
  dims: (c, D) => ({ D, C: c.classes }),
  params: ({ D, C }, c) => ({
    ...(c.pooler && { poolerWeight: matrix(D, D), poolerBias: bias(D) }),
    out: matrix(D, C, { init: { kind: "normal", std: 0.02 } }),
    ...(c.bias && { bias: bias(C) }),
  }),
  forward(x_BTD, { c, p, io }) {
    const h_BD = pooled(x_BTD, c.pool, io);
    const dense_BD = p.poolerWeight ? linear(h_BD, p.poolerWeight, p.poolerBias).tanh() : h_BD;
    return linear(dense_BD, p.out, p.bias);
  },
});

function pooled(x_BTD: Tensor, pool: Pool, { mask_BT }: Io): Tensor {
  const T = x_BTD.dim(1);
  if (pool === "first") return x_BTD.slice(1, 0, 1).squeeze(1);
  if (mask_BT === undefined) {
    if (pool === "last") return x_BTD.slice(1, T - 1, T).squeeze(1);
    return pool === "mean" ? x_BTD.mean(1) : x_BTD.max(1);
  }
  const real_BT1 = mask_BT.unsqueeze(-1);
  if (pool === "max") return where(real_BT1, x_BTD, -1e30).max(1);
  const present_BT = where(mask_BT, 1, 0);
  if (pool === "mean") return where(real_BT1, x_BTD, 0).sum(1).div(present_BT.sum(1, true));
  const last_B1 = where(mask_BT, iota(T).unsqueeze(0), -1).max(1, true);
  return where(iota(T).unsqueeze(0).equal(last_B1).unsqueeze(-1), x_BTD, 0).sum(1);
}
