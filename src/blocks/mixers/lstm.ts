/**
 * Long short-term memory: a cell c behind three gates that read the input and the last output h.
 * The input's share of the gates is one product over all steps; the recurrence itself runs step by step.
 * Axes: B batch, T time, D model, H hidden, R what is carried of it.
 */
import { z } from "zod";
import { gateScan, timeMajor } from "../../ops/index.ts";
import { type Tensor, zeros } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer } from "../define.ts";
import { bias, type Init, matrix, vector } from "../weights/declare.ts";
import { linear, value, type Weight, type Weights } from "../weights/use.ts";
import { forgetting, lstmCell, peepholeCell } from "./lstm-cell.ts";

const config = z.strictObject({
  hidden: z
    .int()
    .positive()
    .optional()
    .describe("size of the state; another than the model width (the default) adds a projection back to it"),
  projection: z
    .int()
    .positive()
    .optional()
    .describe("size to which the output is projected before the gates read it again (default: it is not)"),
  peephole: z.boolean().default(false).describe("whether the gates see the cell, each feature its own"),
  bias: z.boolean().default(true).describe("whether the gates have a bias"),
  forgetBias: z.number().default(1).describe("start of the forget gate's bias"),
});
type C = z.infer<typeof config>;

function dims(c: C, D: number) {
  const H = c.hidden ?? D;
  return { D, H, R: c.projection ?? H };
}

/** Columns stand in the order of `lstmCell`: i, f, o, g. */
function params({ D, H, R }: ReturnType<typeof dims>, c: C) {
  const bound = 1 / Math.sqrt(H);
  const init: Init = { kind: "uniform", low: -bound, high: bound };
  return {
    input: matrix(D, 4 * H, { init }),
    recurrent: matrix(R, 4 * H, { init }),
    ...(c.bias && { bias: bias(4 * H, forgetting(H, c.forgetBias)) }),
    ...(c.peephole && { peepholes: vector([3, H], init) }),
    ...(c.projection !== undefined && { projection: matrix(H, R, { init }) }),
    ...(R !== D && { out: matrix(R, D, { init: "residual" }) }),
  };
}
type P = Weights<ReturnType<typeof params>>;

export const lstm = defineMixer({
  kind: "lstm",
  title: "LSTM",
  cite: {
    by: "Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000; projection: Sak et al. 2014",
    url: "https://doi.org/10.1162/neco.1997.9.8.1735",
  },
  patterns: ["data-gating"],
  equations: [
    "[i, f, o] = σ(W x_t + U h_{t−1} + b),  g = tanh(W_g x_t + U_g h_{t−1} + b_g)",
    "c_t = f ⊙ c_{t−1} + i ⊙ g",
    "h_t = o ⊙ tanh(c_t)   (projection: P (o ⊙ tanh(c_t)))",
    "peephole: i and f also read p ⊙ c_{t−1}, o reads p ⊙ c_t",
  ],
  config,
  dims,
  params,
  tune: [{ key: "hidden", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: recurrent,
  state: ({ H, R }) => ({ h: [R], c: [H] }),
  forward(x_BTD, { d: { H, R }, p, s, io }) {
    const empty = (size: number) => zeros([x_BTD.dim(0), size]);
    const { s: last, emitted } = gateScan({
      start: { h: s.h ?? empty(R), c: s.c ?? empty(H) },
      xs: [linear(timeMajor(x_BTD), p.input, p.bias)],
      mask_BT: io.mask_BT,
      emit: "h",
      cell: (state, [gates]) => nextState(gates!.add(linear(state.h, p.recurrent)), state.c, p),
    });
    return { y: output(timeMajor(emitted), p.out), s: last };
  },
  step(x_BD, { p, s }) {
    const next = nextState(linear(x_BD, p.input, p.bias).add(linear(s.h, p.recurrent)), s.c, p);
    return { y: output(next.h, p.out), s: next };
  },
});

function nextState(gates: Tensor, c: Tensor, { peepholes, projection }: P): { h: Tensor; c: Tensor } {
  const next = peepholes ? peepholeCell(gates, c, value(peepholes)) : lstmCell(gates, c);
  return projection ? { ...next, h: linear(next.h, projection) } : next;
}

const output = (h: Tensor, out: Weight | undefined): Tensor => (out ? linear(h, out) : h);
