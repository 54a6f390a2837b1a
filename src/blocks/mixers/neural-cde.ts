/**
 * Neural controlled differential equation: a state that moves as far as the input does, dz = f(z) dX, along a path X through
 * the tokens. Between two tokens the path is a cubic piece that knows no later token, so that outputs are causal.
 * Axes: B batch, T time, D model, H state, C channels of the path (the last is time), W field.
 */
import { z } from "zod";
import { type GateCell, gateScan, nodesOf, odeMethods, rungeKuttaStep, timeMajor } from "../../ops/index.ts";
import { concat, constant, silu, type Tensor, where, zeros } from "../../tensor/index.ts";
import { defineMixer } from "../define.ts";
import { bias, matrix } from "../weights/declare.ts";
import { linear, type Weights } from "../weights/use.ts";

const config = z.strictObject({
  hidden: z.int().positive().optional().describe("size of the state (default: the model width)"),
  channels: z.int().positive().default(4).describe("what the path shows of the input: its coordinates beside time"),
  fieldUnits: z.int().positive().optional().describe("hidden units of the vector field (default: the state's size)"),
  activation: z.enum(["silu", "relu"]).default("silu").describe("activation inside the vector field"),
  path: z
    .enum(["hermite", "linear"])
    .default("hermite")
    .describe("hermite: cubic pieces that start with the slope of the piece before; linear: straight ones"),
  method: z.enum(odeMethods).default("rk4").describe("solver; rk4 is the 3/8 rule"),
  steps: z.int().positive().default(1).describe("solver steps between two tokens"),
});
type C = z.infer<typeof config>;

function dims(c: C, D: number) {
  const H = c.hidden ?? D;
  return { D, H, C: c.channels + 1, W: c.fieldUnits ?? H };
}
type Sizes = ReturnType<typeof dims>;

const params = ({ D, H, C, W }: Sizes) => ({
  path: matrix(D, C - 1),
  start: matrix(C - 1, H),
  startBias: bias(H),
  inward: matrix(H, W),
  inwardBias: bias(W),
  field: matrix(W, H * C),
  fieldBias: bias(H * C),
  out: matrix(H, D, { init: "residual" }),
});
type P = Weights<ReturnType<typeof params>>;

/** `last` and `slope` are the path's at the last token; `seen` counts tokens up to 2. */
const state = ({ H, C }: Sizes) => ({ z: [H], last: [C - 1], slope: [C - 1], seen: [1] });
type State = Readonly<Record<keyof ReturnType<typeof state>, Tensor>>;

export const neuralCde = defineMixer({
  kind: "neural-cde",
  title: "Neural controlled differential equation",
  cite: { arxiv: "2005.08926", by: "Kidger et al. 2020; causal paths: Morrill et al. 2021" },
  equations: [
    "z(t_0) = W_0 X(t_0) + b_0;  dz = F(z) dX,  F(z) = tanh(W_2 φ(W_1 z + b_1) + b_2) as [H, C]",
    "X = (W_x x, t); between tokens, u from 0 to 1:  dX/du = Δ + (Δt·m_prev − Δ)(1 − 4u + 3u²)   (linear: Δ)",
    "y_t = W_out z(t)",
  ],
  config,
  dims,
  params,
  tune: [
    { key: "fieldUnits", unit: 1 },
    { key: "hidden", unit: 1 },
  ],
  reads: ["mask_BT", "dt_BT"],
  capabilities: ({ activation }) => ({
    flow: "causal",
    state: "finite",
    length: "any",
    batch: "independent",
    smooth: activation === "relu" ? "away from ties" : "everywhere",
    exact: "bitwise",
  }),
  state,
  forward(x_BTD, { c, d, p, s, io }) {
    const empty = (size: number) => zeros([x_BTD.dim(0), size]);
    const time = io.dt_BT ? [timeMajor(io.dt_BT).unsqueeze(-1)] : [];
    const { s: last, emitted } = gateScan<State>({
      start: {
        z: s.z ?? empty(d.H),
        last: s.last ?? empty(d.C - 1),
        slope: s.slope ?? empty(d.C - 1),
        seen: s.seen ?? empty(1),
      },
      xs: [linear(timeMajor(x_BTD), p.path), ...time],
      mask_BT: io.mask_BT,
      emit: "z",
      cell: cellOf(c, d, p),
    });
    return { y: linear(timeMajor(emitted), p.out), s: last };
  },
  step(x_BD, { c, d, p, s, io }) {
    const time = io.dt_BT ? [io.dt_BT.reshape([-1, 1])] : [];
    const next = cellOf(c, d, p)(s, [linear(x_BD, p.path), ...time]);
    return { y: linear(next.z, p.out), s: next };
  },
});

/** From one token to the next, whose inputs are its place on the path and the time that passed (absent: 1). */
function cellOf(c: C, d: Sizes, p: P): GateCell<State> {
  return (s, [place, dt]) => {
    const first = s.seen.less(0.5);
    const change = place!.sub(s.last);
    const before = where(s.seen.less(1.5), change, dt ? s.slope.mul(dt) : s.slope);
    const time = dt ?? s.seen.mul(0).add(1);
    const z = integrated(s.z, { c, d, p, time, change, before });
    return {
      z: where(first, linear(place!, p.start, p.startBias), z),
      last: place!,
      slope: where(first, 0, dt ? change.div(dt) : change),
      seen: s.seen.add(1).minimum(2),
    };
  };
}

interface Piece {
  c: C;
  d: Sizes;
  p: P;
  /** [B, 1]. */
  time: Tensor;
  /** How far the path goes, and how far its starting slope would take it. */
  change: Tensor;
  before: Tensor;
}

function integrated(start: Tensor, { c, d, p, time, change, before }: Piece): Tensor {
  const bend = before.sub(change);
  const derivative = (u: number) => {
    const place = c.path === "linear" ? change : change.add(bend.mul(1 - 4 * u + 3 * u ** 2));
    return concat(-1, [place, time]).unsqueeze(2);
  };
  const h = 1 / c.steps;
  let z = start;
  for (let k = 0; k < c.steps; k++) {
    const along = nodesOf(c.method).map((node) => derivative((k + node) * h));
    const field = (_: Tensor, [now]: readonly Tensor[], stage: number) => [
      fieldAt(now!, c, p).reshape([-1, d.H, d.C]).matmul(along[stage]!).squeeze(2),
    ];
    z = rungeKuttaStep(c.method, field, { t: constant([k * h], []), h: constant([h], []), z: [z] }).z[0]!;
  }
  return z;
}

/** [B, H·C]. */
function fieldAt(z: Tensor, { activation }: C, p: P): Tensor {
  const inner = linear(z, p.inward, p.inwardBias);
  return linear(activation === "relu" ? inner.relu() : silu(inner), p.field, p.fieldBias).tanh();
}
