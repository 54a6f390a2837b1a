/**
 * GateLoop in the real-valued form of its simple layer: an elementwise recurrence with a gate from the input, read by a query.
 * Axes: B batch, T time, D model, I inner; columns [I, B, T].
 */
import { z } from "zod";
import { fromColumns, type LinearScanOptions, linearScan, linearStep, toColumns } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import { matrix } from "../weights/declare.ts";
import { value, type Weights } from "../weights/use.ts";

const config = z.strictObject({
  inner: z
    .int()
    .positive()
    .optional()
    .describe("size of the state; another than the model width (the default) always has the output projection"),
  project: z.boolean().default(true).describe("whether the output is projected; the authors' simple layer does not"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, I: c.inner ?? D });
type Sizes = ReturnType<typeof dims>;

const params = ({ D, I }: Sizes, { project }: C) => ({
  query: matrix(D, I),
  input: matrix(D, I),
  gate: matrix(D, I),
  ...((project || I !== D) && { out: matrix(I, D, { init: "residual" }) }),
});

const state = ({ I }: Sizes) => ({ h: [I] });

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;

export const gateloop = defineMixer({
  kind: "gateloop",
  title: "GateLoop (simple, real)",
  cite: { arxiv: "2311.01927", by: "Katsch 2023" },
  patterns: ["higher-order", "data-gating"],
  equations: ["h_t = σ(W_a x_t) ⊙ h_{t−1} + W_u x_t", "out = W_out (W_q x_t ⊙ h_t)"],
  config,
  dims,
  params,
  tune: [{ key: "inner", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: recurrent,
  state,
  forward: (x_BTD, at) => mix(x_BTD, at, linearScan),
  step(x_BD, { s, ...at }) {
    const { y, s: next } = mix(x_BD.unsqueeze(1), { ...at, s }, (options) => linearStep({ ...options, h_BC: s.h }));
    return { y: y.squeeze(1), s: next };
  },
});

function mix(x_BTD: Tensor, { p, s, io }: At, scan: (options: LinearScanOptions) => { h_CBT: Tensor; h_BC: Tensor }) {
  const { h_CBT, h_BC } = scan({
    a_CBT: toColumns(x_BTD, value(p.gate)).sigmoid(),
    u_CBT: toColumns(x_BTD, value(p.input)),
    h_BC: s.h,
    mask_BT: io.mask_BT,
  });
  const y = toColumns(x_BTD, value(p.query)).mul(h_CBT);
  return { y: p.out ? fromColumns(y, value(p.out)) : y.transpose([1, 2, 0]), s: { h: h_BC } };
}
