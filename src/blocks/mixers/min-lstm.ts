/**
 * minLSTM: an LSTM whose gates and candidate read the input alone, forget and input gate sharing one unit between them.
 * Axes: B batch, T time, D model, I inner; columns [I, B, T].
 */
import { z } from "zod";
import { fromColumns, linearScan, linearStep, toColumns } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { defineMixer } from "../define.ts";
import { matrix } from "../weights/declare.ts";
import { value, type Weights } from "../weights/use.ts";
import { positive } from "./min-gru.ts";

const config = z.strictObject({
  inner: z
    .int()
    .positive()
    .optional()
    .describe("size of the state; another than the model width (the default) adds a projection back to it"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, I: c.inner ?? D });

const params = ({ D, I }: ReturnType<typeof dims>) => ({
  candidate: matrix(D, I),
  forget: matrix(D, I),
  input: matrix(D, I),
  ...(I !== D && { out: matrix(I, D, { init: "residual" }) }),
});
type P = Weights<ReturnType<typeof params>>;

export const minLstm = defineMixer({
  kind: "min-lstm",
  title: "minLSTM",
  cite: { arxiv: "2410.01201", by: "Feng et al. 2024" },
  equations: [
    "f_t = σ(W_f x_t),  i_t = σ(W_i x_t)",
    "h_t = f/(f + i) ⊙ h_{t−1} + i/(f + i) ⊙ g(W x_t)",
    "g(a) = a + 1/2 if a ≥ 0 else σ(a)",
  ],
  config,
  dims,
  params,
  tune: [{ key: "inner", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: {
    flow: "causal",
    state: "finite",
    length: "any",
    batch: "independent",
    smooth: "away from ties",
    exact: "bitwise",
  },
  state: ({ I }) => ({ h: [I] }),
  forward(x_BTD, { p, s, io: { mask_BT } }) {
    const { h_CBT, h_BC } = linearScan({ ...gates(x_BTD, p), h_BC: s.h, mask_BT });
    return { y: output(h_CBT, p), s: { h: h_BC } };
  },
  step(x_BD, { p, s }) {
    const { h_CBT, h_BC } = linearStep({ ...gates(x_BD.unsqueeze(1), p), h_BC: s.h });
    return { y: output(h_CBT, p).squeeze(1), s: { h: h_BC } };
  },
});

/** f/(f + i) = σ(log f − log i), which stays exact where both gates are nearly shut. */
function gates(x_BTD: Tensor, p: P): { a_CBT: Tensor; u_CBT: Tensor } {
  const logit = toColumns(x_BTD, value(p.input))
    .neg()
    .softplus()
    .sub(toColumns(x_BTD, value(p.forget)).neg().softplus());
  return {
    a_CBT: logit.sigmoid(),
    u_CBT: logit
      .neg()
      .sigmoid()
      .mul(positive(toColumns(x_BTD, value(p.candidate)))),
  };
}

const output = (h_CBT: Tensor, { out }: P): Tensor =>
  out ? fromColumns(h_CBT, value(out)) : h_CBT.transpose([1, 2, 0]);
