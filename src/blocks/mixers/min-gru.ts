/**
 * minGRU: a GRU whose gate and candidate read the input alone, so that the state is a linear recurrence.
 * Axes: B batch, T time, D model, I inner; columns [I, B, T].
 */
import { z } from "zod";
import { fromColumns, linearScan, linearStep, toColumns } from "../../ops/index.ts";
import { type Tensor, where } from "../../tensor/index.ts";
import { defineMixer } from "../define.ts";
import { matrix } from "../weights/declare.ts";
import { value, type Weights } from "../weights/use.ts";

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
  gate: matrix(D, I),
  ...(I !== D && { out: matrix(I, D, { init: "residual" }) }),
});
type P = Weights<ReturnType<typeof params>>;

export const minGru = defineMixer({
  kind: "min-gru",
  title: "minGRU",
  cite: { arxiv: "2410.01201", by: "Feng et al. 2024" },
  equations: ["z_t = σ(W_z x_t)", "h_t = (1 − z_t) ⊙ h_{t−1} + z_t ⊙ g(W x_t)", "g(a) = a + 1/2 if a ≥ 0 else σ(a)"],
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

function gates(x_BTD: Tensor, p: P): { a_CBT: Tensor; u_CBT: Tensor } {
  const gate = toColumns(x_BTD, value(p.gate));
  return { a_CBT: gate.neg().sigmoid(), u_CBT: gate.sigmoid().mul(positive(toColumns(x_BTD, value(p.candidate)))) };
}

/** g: positive, continuous, with slope 1 above 0. */
export const positive = (a: Tensor): Tensor => where(a.less(0), a.sigmoid(), a.add(0.5));

const output = (h_CBT: Tensor, { out }: P): Tensor =>
  out ? fromColumns(h_CBT, value(out)) : h_CBT.transpose([1, 2, 0]);
