/**
 * Gated recurrent unit: an update gate z between the last h and a candidate, which reads h through a reset gate r.
 * The reset gate multiplies after the recurrent product, as in cuDNN and PyTorch.
 * Axes: B batch, T time, D model, H hidden.
 */
import { z } from "zod";
import { gateScan, timeMajor } from "../../ops/index.ts";
import { type Tensor, zeros } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer } from "../define.ts";
import { bias, type Init, matrix } from "../weights/declare.ts";
import { linear, value, type Weight, type Weights } from "../weights/use.ts";

const config = z.strictObject({
  hidden: z
    .int()
    .positive()
    .optional()
    .describe("size of the state; another than the model width (the default) adds a projection back to it"),
  bias: z.boolean().default(true).describe("whether gates and candidate have biases"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.hidden ?? D });

/** A cell's: columns stand in the order z, r, candidate; the candidate's recurrent bias is inside the reset gate's product. */
export function gruParams(D: number, H: number, withBias = true) {
  const bound = 1 / Math.sqrt(H);
  const init: Init = { kind: "uniform", low: -bound, high: bound };
  return {
    input: matrix(D, 3 * H, { init }),
    recurrent: matrix(H, 3 * H, { init }),
    ...(withBias && { bias: bias(3 * H), candidateBias: bias(H) }),
  };
}

const params = ({ D, H }: ReturnType<typeof dims>, c: C) => ({
  ...gruParams(D, H, c.bias),
  ...(H !== D && { out: matrix(H, D, { init: "residual" }) }),
});

export const gru = defineMixer({
  kind: "gru",
  title: "GRU",
  cite: { arxiv: "1406.1078", by: "Cho et al. 2014" },
  patterns: ["data-gating", "moving-average"],
  equations: [
    "[z, r] = σ(W x_t + U h_{t−1} + b)",
    "h̃ = tanh(W_h x_t + b_h + r ⊙ (U_h h_{t−1} + c))",
    "h_t = (1 − z) ⊙ h_{t−1} + z ⊙ h̃",
  ],
  config,
  dims,
  params,
  tune: [{ key: "hidden", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: recurrent,
  state: ({ H }) => ({ h: [H] }),
  forward(x_BTD, { d, p, s, io }) {
    const { s: last, emitted } = gateScan({
      start: { h: s.h ?? zeros([x_BTD.dim(0), d.H]) },
      xs: [linear(timeMajor(x_BTD), p.input, p.bias)],
      mask_BT: io.mask_BT,
      emit: "h",
      cell: ({ h }, [share]) => ({ h: gruState(share!, h, p) }),
    });
    return { y: output(timeMajor(emitted), p.out), s: last };
  },
  step(x_BD, { p, s }) {
    const h = gruState(linear(x_BD, p.input, p.bias), s.h, p);
    return { y: output(h, p.out), s: { h } };
  },
});

/** `share` is what gates and candidate read of the input, [B, 3H]. */
export function gruState(share: Tensor, h: Tensor, p: Weights<ReturnType<typeof gruParams>>): Tensor {
  const H = h.dim(-1);
  const recurrent = linear(h, p.recurrent);
  const gates = share
    .slice(-1, 0, 2 * H)
    .add(recurrent.slice(-1, 0, 2 * H))
    .sigmoid();
  const [z, r] = gates.split(-1, [H, H]);
  const own = recurrent.slice(-1, 2 * H);
  const candidate = share
    .slice(-1, 2 * H)
    .add(r!.mul(p.candidateBias ? own.add(value(p.candidateBias)) : own))
    .tanh();
  return h.add(z!.mul(candidate.sub(h)));
}

const output = (h: Tensor, out: Weight | undefined): Tensor => (out ? linear(h, out) : h);
