/**
 * minLSTM: an LSTM whose gates and candidate read the input alone, forget and input gate sharing one unit between them.
 * Axes: B batch, T time, D model, I inner; columns [I, B, T].
 */
import { toColumns } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { defineMixer } from "../define.ts";
import { matrix } from "../weights/declare.ts";
import { value, type Weights } from "../weights/use.ts";
import { type MinSizes, minRecurrence, positive } from "./min-recurrence.ts";

const params = ({ D, I }: MinSizes) => ({
  candidate: matrix(D, I),
  forget: matrix(D, I),
  input: matrix(D, I),
  ...(I !== D && { out: matrix(I, D, { init: "residual" }) }),
});
type P = Weights<ReturnType<typeof params>>;

/** f/(f + i) = σ(log f − log i), which stays exact where both gates are nearly shut. */
function gates(x_BTD: Tensor, p: P) {
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

export const minLstm = defineMixer({
  kind: "min-lstm",
  title: "minLSTM",
  cite: { arxiv: "2410.01201", by: "Feng et al. 2024" },
  patterns: ["data-gating", "moving-average"],
  equations: [
    "f_t = σ(W_f x_t),  i_t = σ(W_i x_t)",
    "h_t = f/(f + i) ⊙ h_{t−1} + i/(f + i) ⊙ g(W x_t)",
    "g(a) = a + 1/2 if a ≥ 0 else σ(a)",
  ],
  params,
  ...minRecurrence(gates),
});
