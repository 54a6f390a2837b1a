/** The matrix memory alone (transformers) and the layer of the xlstm package. */
import { mlstmChunked } from "../../ops/index.ts";
import { concat, logSigmoid, type Tensor, zeros } from "../../tensor/index.ts";
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { mlstm } from "./mlstm.ts";
import { goldenIo, weightOf } from "./rnn-golden-weights.fixture.ts";

/** [B, T, H, ...] ↔ [H, B, T, ...]. */
const headsFirst = (x: Tensor) => x.transpose([2, 0, 1, ...x.shape.slice(3).map((_, i) => i + 3)]);

/** The source divides q·k by √K at the query. */
function cell(c: GoldenCase): GoldenGraph {
  const q = c.tensor("in.q");
  const state = (name: string) => c.maybe(`state.in.${name}`)?.swap(0, 1);
  const { h, s } = mlstmChunked({
    q: headsFirst(q.mul(q.dim(-1) ** -0.5)),
    k: headsFirst(c.tensor("in.k")),
    v: headsFirst(c.tensor("in.v")),
    logInput: headsFirst(c.tensor("in.i")),
    logForget: logSigmoid(headsFirst(c.tensor("in.f"))),
    epsilon: c.number("eps"),
    chunk: c.number("chunk_size", 64),
    s: { C: state("C"), n: state("n"), m: state("m")?.squeeze(2) },
  });
  const batchFirst = {
    "state.out.C": s.C.swap(0, 1),
    "state.out.n": s.n.swap(0, 1),
    "state.out.m": s.m.swap(0, 1).unsqueeze(2),
  };
  return { outputs: { "out.h": h.transpose([1, 2, 0, 3]), ...batchFirst } };
}

function layer(c: GoldenCase): GoldenGraph | Absent {
  const x = c.tensor("in.x");
  const p = layerWeights(c);
  const config = mlstm.config.parse({
    heads: c.number("num_heads"),
    inner: c.tensor("param.learnable_skip").dim(0),
    conv: c.number("conv1d_kernel_size"),
    block: c.number("qkv_proj_blocksize"),
    bias: c.flag("bias"),
    normEpsilon: c.number("outnorm_eps"),
    epsilon: 1e-6,
  });
  const at = { c: config, d: mlstm.dims(config, x.dim(-1)), p, b: {}, io: goldenIo() };
  const { y, s } = mlstm.forward(x, { ...at, s: {} });
  const outputs = {
    "out.y": y,
    "out.step": steps(x, at),
    "state.out.C": s.C,
    "state.out.n": s.n.unsqueeze(3),
    "state.out.m": s.m.reshape([...s.m.shape, 1, 1]),
  };
  return { outputs };
}

type At = Omit<Parameters<NonNullable<typeof mlstm.step>>[1], "s">;

/** Token by token from the declared start. */
function steps(x: Tensor, at: At): Tensor {
  const B = x.dim(0);
  const shapes = mlstm.state(at.d, at.c);
  let s = {
    C: zeros([B, ...shapes.C]),
    n: zeros([B, ...shapes.n]),
    m: zeros([B, ...shapes.m]),
    conv: zeros([B, ...shapes.conv]),
  };
  const ys = Array.from({ length: x.dim(1) }, (_, t) => {
    const result = mlstm.step!(x.at(1, t), { ...at, s });
    s = result.s;
    return result.y.unsqueeze(1);
  });
  return concat(1, ys);
}

function layerWeights(c: GoldenCase) {
  const read = (name: string) => c.tensor(`param.${name}`);
  const transposed = (name: string) => read(`${name}.weight`).swap(-1, -2);
  const up = transposed("proj_up");
  const I = up.dim(1) / 2;
  const gates = concat(0, [read("mlstm_cell.igate.weight"), read("mlstm_cell.fgate.weight")]).transpose([1, 0]);
  const [gatesQ, gatesK, gatesV] = gates.split(0, [I, I, I]);
  return {
    up: weightOf(up.slice(1, 0, I)),
    gate: weightOf(up.slice(1, I)),
    conv: weightOf(read("conv1d.conv.weight").squeeze(1)),
    convBias: weightOf(read("conv1d.conv.bias")),
    q: weightOf(transposed("q_proj")),
    k: weightOf(transposed("k_proj")),
    v: weightOf(transposed("v_proj")),
    gatesQ: weightOf(gatesQ!),
    gatesK: weightOf(gatesK!),
    gatesV: weightOf(gatesV!),
    gatesBias: weightOf(concat(0, [read("mlstm_cell.igate.bias"), read("mlstm_cell.fgate.bias")])),
    norm: weightOf(read("mlstm_cell.outnorm.weight").add(1)),
    skip: weightOf(read("learnable_skip")),
    down: weightOf(transposed("proj_down")),
    ...(c.flag("bias") && layerBiases(read, I)),
  };
}

function layerBiases(read: (name: string) => Tensor, I: number) {
  const [upBias, gateBias] = read("proj_up.bias").split(0, [I, I]);
  const bias = (name: string) => weightOf(read(`${name}.bias`));
  return {
    upBias: weightOf(upBias!),
    gateBias: weightOf(gateBias!),
    qBias: bias("q_proj"),
    kBias: bias("k_proj"),
    vBias: bias("v_proj"),
    downBias: bias("proj_down"),
  };
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "mlstm_cell", build: cell },
  { kind: "blocks", component: "mlstm_layer_v1", build: layer },
];
