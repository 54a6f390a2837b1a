/**
 * minGRU: a GRU whose gate and candidate read the input alone, so that the state is a linear recurrence.
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
  gate: matrix(D, I),
  ...(I !== D && { out: matrix(I, D, { init: "residual" }) }),
});
type P = Weights<ReturnType<typeof params>>;

function gates(x_BTD: Tensor, p: P) {
  const gate = toColumns(x_BTD, value(p.gate));
  return { a_CBT: gate.neg().sigmoid(), u_CBT: gate.sigmoid().mul(positive(toColumns(x_BTD, value(p.candidate)))) };
}

export const minGru = defineMixer({
  kind: "min-gru",
  title: "minGRU",
  cite: { arxiv: "2410.01201", by: "Feng et al. 2024" },
  patterns: ["data-gating", "moving-average"],
  equations: ["z_t = σ(W_z x_t)", "h_t = (1 − z_t) ⊙ h_{t−1} + z_t ⊙ g(W x_t)", "g(a) = a + 1/2 if a ≥ 0 else σ(a)"],
  params,
  ...minRecurrence(gates),
});
