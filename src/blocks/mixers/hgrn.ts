/**
 * HGRN: an elementwise recurrence whose forget gate has a floor that rises with depth, so that deeper layers keep longer.
 * Real-valued form (the authors' later code), without the paper's fixed complex phase.
 * Axes: B batch, T time, D model, I inner; columns [I, B, T].
 */
import { z } from "zod";
import { fromColumns, type LinearScanOptions, linearScan, linearStep, rmsScale, toColumns } from "../../ops/index.ts";
import { silu, type Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import { outputNormEpsilon } from "../fields.ts";
import { gain, matrix } from "../weights/declare.ts";
import { value, type Weights } from "../weights/use.ts";

const config = z.strictObject({
  inner: z.int().positive().optional().describe("size of the state; the model width if absent"),
  floor: z
    .number()
    .min(0)
    .max(0.9999)
    .default(0)
    .describe("least value of the forget gate; raise it from 0 in the first to near 1 in the last layer"),
  epsilon: outputNormEpsilon(),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, I: c.inner ?? D });
type Sizes = ReturnType<typeof dims>;

const params = ({ D, I }: Sizes) => ({
  candidate: matrix(D, I),
  forget: matrix(D, I),
  gate: matrix(D, I),
  norm: gain(I),
  out: matrix(I, D, { init: "residual" }),
});

const state = ({ I }: Sizes) => ({ h: [I] });

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;

export const hgrn = defineMixer({
  kind: "hgrn",
  title: "HGRN",
  cite: { arxiv: "2311.04823", by: "Qin et al. 2023" },
  patterns: ["data-gating", "moving-average"],
  equations: [
    "f_t = γ + (1 − γ) σ(W_f x_t);  h_t = f_t ⊙ h_{t−1} + (1 − f_t) ⊙ silu(W x_t)",
    "out = W_out (RMSNorm(h_t) ⊙ silu(W_g x_t))",
  ],
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

function mix(
  x_BTD: Tensor,
  { c, p, s, io }: At,
  scan: (options: LinearScanOptions) => { h_CBT: Tensor; h_BC: Tensor },
) {
  const gate = toColumns(x_BTD, value(p.forget));
  // 1 − f as a product, which keeps its digits where f is near 1.
  const taken = gate
    .neg()
    .sigmoid()
    .mul(1 - c.floor);
  const { h_CBT, h_BC } = scan({
    a_CBT: gate
      .sigmoid()
      .mul(1 - c.floor)
      .add(c.floor),
    u_CBT: taken.mul(silu(toColumns(x_BTD, value(p.candidate)))),
    h_BC: s.h,
    mask_BT: io.mask_BT,
  });
  const y = rmsScale(h_CBT, 0, c.epsilon).mul(silu(toColumns(x_BTD, value(p.gate))));
  return { y: fromColumns(y, value(p.out).mul(value(p.norm).unsqueeze(1))), s: { h: h_BC } };
}
