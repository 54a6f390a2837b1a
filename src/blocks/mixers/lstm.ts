/**
 * Long short-term memory: a cell c behind three gates that read the input and the last output h.
 * The input's share of the gates is one product over all steps; the recurrence itself runs step by step.
 * Axes: B batch, T time, D model, H hidden.
 */
import { z } from "zod";
import { gateScan, timeMajor } from "../../ops/index.ts";
import { type Tensor, zeros } from "../../tensor/index.ts";
import { defineMixer } from "../define.ts";
import { bias, type Init, matrix } from "../weights/declare.ts";
import { linear, type Weight } from "../weights/use.ts";
import { forgetting, lstmCell } from "./lstm-cell.ts";

const config = z.strictObject({
  hidden: z
    .int()
    .positive()
    .optional()
    .describe("size of the state; another than the model width (the default) adds a projection back to it"),
  bias: z.boolean().default(true).describe("whether the gates have a bias"),
  forgetBias: z.number().default(1).describe("start of the forget gate's bias"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.hidden ?? D });

/** Columns stand in the order of `lstmCell`: i, f, o, g. */
function params({ D, H }: ReturnType<typeof dims>, c: C) {
  const bound = 1 / Math.sqrt(H);
  const init: Init = { kind: "uniform", low: -bound, high: bound };
  return {
    input: matrix(D, 4 * H, { init }),
    recurrent: matrix(H, 4 * H, { init }),
    ...(c.bias && { bias: bias(4 * H, forgetting(H, c.forgetBias)) }),
    ...(H !== D && { out: matrix(H, D, { init: "residual" }) }),
  };
}

export const lstm = defineMixer({
  kind: "lstm",
  title: "LSTM",
  cite: {
    by: "Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000",
    url: "https://doi.org/10.1162/neco.1997.9.8.1735",
  },
  equations: [
    "[i, f, o] = σ(W x_t + U h_{t−1} + b),  g = tanh(W_g x_t + U_g h_{t−1} + b_g)",
    "c_t = f ⊙ c_{t−1} + i ⊙ g",
    "h_t = o ⊙ tanh(c_t)",
  ],
  config,
  dims,
  params,
  tune: [{ key: "hidden", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: {
    flow: "causal",
    state: "finite",
    length: "any",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  },
  state: ({ H }) => ({ h: [H], c: [H] }),
  forward(x_BTD, { d: { H }, p, s, io }) {
    const empty = () => zeros([x_BTD.dim(0), H]);
    const { s: last, emitted } = gateScan({
      start: { h: s.h ?? empty(), c: s.c ?? empty() },
      xs: [linear(timeMajor(x_BTD), p.input, p.bias)],
      mask_BT: io.mask_BT,
      emit: "h",
      cell: (state, [gates]) => lstmCell(gates!.add(linear(state.h, p.recurrent)), state.c),
    });
    return { y: output(timeMajor(emitted), p.out), s: last };
  },
  step(x_BD, { p, s }) {
    const next = lstmCell(linear(x_BD, p.input, p.bias).add(linear(s.h, p.recurrent)), s.c);
    return { y: output(next.h, p.out), s: next };
  },
});

const output = (h: Tensor, out: Weight | undefined): Tensor => (out ? linear(h, out) : h);
