/** The RG-LRU alone and Griffin's recurrent block, from transformers' RecurrentGemma. */
import { linearScan, linearStep } from "../../ops/index.ts";
import { concat, type Tensor, zeros } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { type RgLruWeights, rgLru, rgLruTerms } from "./rg-lru.ts";
import { goldenIo, weightOf } from "./rnn-golden-weights.fixture.ts";

function cellWeights(c: GoldenCase, prefix: string): RgLruWeights {
  const read = (name: string) => c.tensor(`param.${prefix}${name}`);
  return {
    inputGate: weightOf(read("input_gate_weight")),
    inputGateBias: weightOf(read("input_gate_bias").reshape([-1])),
    decayGate: weightOf(read("recurrent_gate_weight")),
    decayGateBias: weightOf(read("recurrent_gate_bias").reshape([-1])),
    decay: weightOf(read("recurrent_param")),
  };
}

const slowness = 8;

function cell(c: GoldenCase): GoldenGraph {
  const x_CBT = c.tensor("in.x").transpose([2, 0, 1]);
  const h0 = c.maybe("state.in.h") ?? zeros([x_CBT.dim(1), x_CBT.dim(0)]);
  const { a_CBT, u_CBT } = rgLruTerms(x_CBT, cellWeights(c, ""), {
    slowness,
    starts_BT: c.tensor("in.position_ids").equal(0),
  });
  const { h_CBT, h_BC } = linearScan({ a_CBT, u_CBT, h_BC: h0 });
  let h = h0;
  const steps = Array.from({ length: x_CBT.dim(2) }, (_, t) => {
    const now = (columns: Tensor) => columns.slice(2, t, t + 1);
    h = linearStep({ a_CBT: now(a_CBT), u_CBT: now(u_CBT), h_BC: h }).h_BC;
    return h.unsqueeze(1);
  });
  return {
    outputs: {
      "out.y": h_CBT.transpose([1, 2, 0]),
      "state.out.h": h_BC,
      ...(c.has("out.step") && { "out.step": concat(1, steps) }),
    },
  };
}

function block(c: GoldenCase): GoldenGraph {
  const x = c.tensor("in.x");
  const config = rgLru.config.parse({
    heads: c.number("heads"),
    inner: c.number("width"),
    conv: c.number("conv1d_width"),
  });
  const d = rgLru.dims(config, c.number("hidden_size"));
  const positions_BT = c.tensor("in.position_ids");
  const at = { c: config, d, p: blockWeights(c), b: {} };
  const given = { h: c.maybe("state.in.h"), conv: c.maybe("state.in.conv") };
  const { y, s } = rgLru.forward(x, { ...at, s: given, io: goldenIo({ positions_BT }) });
  const B = x.dim(0);
  let state = { h: given.h ?? zeros([B, d.W]), conv: given.conv ?? zeros([B, d.W, config.conv - 1]) };
  const steps = Array.from({ length: x.dim(1) }, (_, t) => {
    const next = rgLru.step!(x.at(1, t), {
      ...at,
      s: state,
      io: goldenIo({ positions_BT: positions_BT.slice(1, t, t + 1) }),
    });
    state = next.s;
    return next.y.unsqueeze(1);
  });
  const outputs = { "out.y": y, "state.out.h": s.h, "state.out.conv": s.conv };
  return { outputs: { ...outputs, ...(c.has("out.step") && { "out.step": concat(1, steps) }) } };
}

function blockWeights(c: GoldenCase) {
  const read = (name: string) => c.tensor(`param.${name}`);
  const map = (name: string) => weightOf(read(`${name}.weight`).transpose([1, 0]));
  const bias = (name: string) => weightOf(read(`${name}.bias`));
  return {
    gelu: map("linear_y"),
    geluBias: bias("linear_y"),
    recurrent: map("linear_x"),
    recurrentBias: bias("linear_x"),
    conv: weightOf(read("conv_1d.weight").squeeze(1)),
    convBias: bias("conv_1d"),
    out: map("linear_out"),
    outBias: bias("linear_out"),
    ...cellWeights(c, "rg_lru."),
  };
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "rg_lru", build: cell },
  { kind: "blocks", component: "griffin_recurrent_block", build: block },
];
