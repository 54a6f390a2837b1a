/**
 * ODE-RNN: between tokens the state follows a learned differential equation for the time that passes, and each token updates
 * it by a GRU cell. Axes: B batch, T time, D model, H hidden, W field.
 */
import { z } from "zod";
import { type GateCell, gateScan, odeMethods, rungeKuttaStep, timeMajor } from "../../ops/index.ts";
import { constant, type Tensor, zeros } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer } from "../define.ts";
import { bias, matrix } from "../weights/declare.ts";
import { linear, type Weight, type Weights } from "../weights/use.ts";
import { gruParams, gruState } from "./gru.ts";

const config = z.strictObject({
  hidden: z
    .int()
    .positive()
    .optional()
    .describe("size of the state; another than the model width (the default) adds a projection back to it"),
  fieldUnits: z.int().positive().optional().describe("hidden units of the field (default: the state's size)"),
  method: z.enum(odeMethods).default("rk4").describe("solver; rk4 is the 3/8 rule"),
  steps: z.int().positive().default(1).describe("solver steps between two tokens"),
});
type C = z.infer<typeof config>;

function dims(c: C, D: number) {
  const H = c.hidden ?? D;
  return { D, H, W: c.fieldUnits ?? H };
}
type Sizes = ReturnType<typeof dims>;

const params = ({ D, H, W }: Sizes) => ({
  ...gruParams(D, H),
  inward: matrix(H, W),
  inwardBias: bias(W),
  field: matrix(W, H),
  fieldBias: bias(H),
  ...(H !== D && { out: matrix(H, D, { init: "residual" }) }),
});
type P = Weights<ReturnType<typeof params>>;

export const odeRnn = defineMixer({
  kind: "ode-rnn",
  title: "ODE-RNN",
  cite: { arxiv: "1907.03907", by: "Rubanova et al. 2019" },
  patterns: ["data-gating"],
  equations: ["h' = W_2 tanh(W_1 h + b_1) + b_2, solved from h_{t−1} over Δt to h⁻_t", "h_t = GRU(x_t, h⁻_t)"],
  config,
  dims,
  params,
  tune: [
    { key: "fieldUnits", unit: 1 },
    { key: "hidden", unit: 1 },
  ],
  reads: ["mask_BT", "dt_BT"],
  capabilities: recurrent,
  state: ({ H }) => ({ h: [H] }),
  forward(x_BTD, { c, d, p, s, io }) {
    const time = io.dt_BT ? [timeMajor(io.dt_BT).unsqueeze(-1)] : [];
    const { s: last, emitted } = gateScan({
      start: { h: s.h ?? zeros([x_BTD.dim(0), d.H]) },
      xs: [linear(timeMajor(x_BTD), p.input, p.bias), ...time],
      mask_BT: io.mask_BT,
      emit: "h",
      cell: cellOf(c, p),
    });
    return { y: output(timeMajor(emitted), p.out), s: last };
  },
  step(x_BD, { c, p, s, io }) {
    const time = io.dt_BT ? [io.dt_BT.reshape([-1, 1])] : [];
    const next = cellOf(c, p)(s, [linear(x_BD, p.input, p.bias), ...time]);
    return { y: output(next.h, p.out), s: next };
  },
});

/** Its inputs are what the GRU reads of the token and the time that passed (absent: 1). */
function cellOf({ method, steps }: C, p: P): GateCell<{ readonly h: Tensor }> {
  const field = (_: Tensor, [h]: readonly Tensor[]) => [
    linear(linear(h!, p.inward, p.inwardBias).tanh(), p.field, p.fieldBias),
  ];
  return ({ h }, [share, dt]) => {
    const size = dt ? dt.div(steps) : constant([1 / steps], []);
    let z = h;
    for (let k = 0; k < steps; k++) z = rungeKuttaStep(method, field, { t: size.mul(k), h: size, z: [z] }).z[0]!;
    return { h: gruState(share!, z, p) };
  };
}

const output = (h: Tensor, out: Weight | undefined): Tensor => (out ? linear(h, out) : h);
