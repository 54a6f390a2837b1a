/**
 * The simple recurrent network of Elman: h_t is one activation of the input and the last h.
 * Axes: B batch, T time, D model, H hidden.
 */
import { z } from "zod";
import { gateScan, timeMajor } from "../../ops/index.ts";
import { type Tensor, zeros } from "../../tensor/index.ts";
import { defineMixer } from "../define.ts";
import { bias, type Init, matrix } from "../weights/declare.ts";
import { linear, type Weight } from "../weights/use.ts";

const config = z.strictObject({
  hidden: z
    .int()
    .positive()
    .optional()
    .describe("size of the state; another than the model width (the default) adds a projection back to it"),
  activation: z.enum(["tanh", "relu"]).default("tanh").describe("activation of the state"),
  bias: z.boolean().default(true).describe("whether there is a bias"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.hidden ?? D });

function params({ D, H }: ReturnType<typeof dims>, c: C) {
  const bound = 1 / Math.sqrt(H);
  const init: Init = { kind: "uniform", low: -bound, high: bound };
  return {
    input: matrix(D, H, { init }),
    recurrent: matrix(H, H, { init }),
    ...(c.bias && { bias: bias(H) }),
    ...(H !== D && { out: matrix(H, D, { init: "residual" }) }),
  };
}

export const rnn = defineMixer({
  kind: "rnn",
  title: "Simple recurrent network",
  cite: { by: "Elman 1990", title: "Finding structure in time", url: "https://doi.org/10.1207/s15516709cog1402_1" },
  equations: ["h_t = tanh(W x_t + U h_{t−1} + b)"],
  config,
  dims,
  params,
  tune: [{ key: "hidden", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: ({ activation }) => ({
    flow: "causal",
    state: "finite",
    length: "any",
    batch: "independent",
    exact: "bitwise",
    smooth: activation === "relu" ? "away from ties" : "everywhere",
  }),
  state: ({ H }) => ({ h: [H] }),
  forward(x_BTD, { c, d, p, s, io }) {
    const { s: last, emitted } = gateScan({
      start: { h: s.h ?? zeros([x_BTD.dim(0), d.H]) },
      xs: [linear(timeMajor(x_BTD), p.input, p.bias)],
      mask_BT: io.mask_BT,
      emit: "h",
      cell: ({ h }, [share]) => ({ h: activate(share!.add(linear(h, p.recurrent)), c) }),
    });
    return { y: output(timeMajor(emitted), p.out), s: last };
  },
  step(x_BD, { c, p, s }) {
    const h = activate(linear(x_BD, p.input, p.bias).add(linear(s.h, p.recurrent)), c);
    return { y: output(h, p.out), s: { h } };
  },
});

const activate = (x: Tensor, { activation }: C): Tensor => (activation === "tanh" ? x.tanh() : x.relu());
const output = (h: Tensor, out: Weight | undefined): Tensor => (out ? linear(h, out) : h);
