/**
 * SwishRNN: a nonlinear recurrence of single features, two operations a step and no product in the loop, then an output gate.
 * Axes: B batch, T time, D model, I inner features.
 */
import { z } from "zod";
import { gateScan, timeMajor } from "../../ops/index.ts";
import { silu, type Tensor, zeros } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer } from "../define.ts";
import { bias, matrix } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";

const config = z.strictObject({
  inner: z.int().positive().optional().describe("features of the recurrence (default: the model width)"),
  bias: z.boolean().default(true).describe("offsets on the state and on the output gate"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, I: c.inner ?? D });
type Sizes = ReturnType<typeof dims>;

const params = ({ D, I }: Sizes, c: C) => ({
  value: matrix(D, I),
  gate: matrix(D, I),
  ...(c.bias && { valueBias: bias(I), gateBias: bias(I) }),
  out: matrix(I, D, { init: "residual" }),
});
type P = Weights<ReturnType<typeof params>>;

const state = ({ I }: Sizes) => ({ c: [I] });

export const swishRnn = defineMixer({
  kind: "swish-rnn",
  title: "SwishRNN",
  cite: { arxiv: "2205.11588", by: "Lei et al. 2022" },
  patterns: ["data-gating"],
  equations: [
    "u_t = x_t W₁,  g_t = x_t W₂",
    "c_t = swish(c_{t−1} − u_t) + u_t,  swish(z) = z σ(z)   (feature by feature: about the larger of c_{t−1} and u_t)",
    "y_t = ((c_t + b) ⊙ σ(g_t + b_g)) W₃",
  ],
  config,
  dims,
  params,
  tune: [{ key: "inner", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: recurrent,
  state,
  forward(x_BTD, { d, p, s, io }) {
    const { s: last, emitted } = gateScan({
      start: { c: s.c ?? zeros([x_BTD.dim(0), d.I]) },
      xs: [linear(timeMajor(x_BTD), p.value)],
      mask_BT: io.mask_BT,
      emit: "c",
      cell: ({ c }, [u]) => ({ c: next(c, u!) }),
    });
    return { y: gated(timeMajor(emitted), x_BTD, p), s: last };
  },
  step(x_BD, { p, s }) {
    const c = next(s.c, linear(x_BD, p.value));
    return { y: gated(c, x_BD, p), s: { c } };
  },
});

const next = (c: Tensor, u: Tensor): Tensor => silu(c.sub(u)).add(u);

function gated(c: Tensor, x: Tensor, p: P): Tensor {
  const shown = p.valueBias ? c.add(value(p.valueBias)) : c;
  return linear(shown.mul(linear(x, p.gate, p.gateBias).sigmoid()), p.out);
}
