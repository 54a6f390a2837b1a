/** xLSTM 7B's layer and block, from transformers. */
import { concat, type Tensor, zeros } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { swiglu } from "../channels/swiglu.ts";
import { rmsnorm } from "../norms/rmsnorm.ts";
import { mlstm7b } from "./mlstm-7b.ts";
import { goldenIo, weightOf } from "./rnn-golden-weights.fixture.ts";

type At = Omit<Parameters<NonNullable<typeof mlstm7b.step>>[1], "s">;
type State = { C: Tensor; n: Tensor; m: Tensor };

/** Everything around a layer, the same for a sequence and for one token. */
type Around = (x: Tensor, layer: (x: Tensor) => Tensor) => Tensor;

function build(c: GoldenCase, prefix: string, around: Around): GoldenGraph {
  const x = c.tensor("in.x");
  const D = x.dim(-1);
  const size = (factor: string) => (D * c.number(factor)) / c.number("num_heads");
  const config = mlstm7b.config.parse({
    heads: c.number("num_heads"),
    keySize: size("qk_dim_factor"),
    valueSize: size("v_dim_factor"),
    gateCap: c.number("gate_soft_cap"),
    bias: c.flag("use_bias"),
    normEpsilon: c.number("norm_eps"),
    epsilon: c.number("eps"),
    chunk: c.number("chunk_size"),
  });
  const d = mlstm7b.dims(config, D);
  const at: At = { c: config, d, p: layerWeights(c, prefix, d), b: {}, io: goldenIo() };
  const B = x.dim(0);
  const state = (name: "C" | "n" | "m", shape: readonly number[]) =>
    c.maybe(`state.in.${name}`)?.reshape([B, ...shape]) ?? zeros([B, ...shape]);
  let s: State = { C: state("C", [d.H, d.K, d.V]), n: state("n", [d.H, d.K]), m: state("m", [d.H]) };
  let last = s;
  const y = around(x, (inner) => {
    const result = mlstm7b.forward(inner, { ...at, s });
    last = result.s;
    return result.y;
  });
  const steps = Array.from({ length: x.dim(1) }, (_, t) =>
    around(x.at(1, t), (inner) => {
      const result = mlstm7b.step!(inner, { ...at, s });
      s = result.s;
      return result.y;
    }).unsqueeze(1),
  );
  const outputs = { "out.y": y, "state.out.C": last.C, "state.out.n": last.n, "state.out.m": last.m.unsqueeze(2) };
  return { outputs: { ...outputs, ...(c.has("out.step") && { "out.step": concat(1, steps) }) } };
}

/** Maps stored one by one, or stacked as q, k, v, o and as i, f. */
function layerWeights(c: GoldenCase, prefix: string, { H, K, V }: At["d"]): At["p"] {
  const fused = c.text("weight_mode") === "fused";
  const read = (name: string, part: "weight" | "bias") => c.maybe(`param.${prefix}${name}.${part}`);
  const maps = (part: "weight" | "bias") =>
    fused
      ? read("qkv_opreact", part)?.split(0, [H * K, H * K, H * V, H * V])
      : read("q", part) && ["q", "k", "v", "ogate_preact"].map((name) => read(name, part)!);
  const gates = (part: "weight" | "bias") =>
    fused ? read("ifgate_preact", part)! : concat(0, [read("igate_preact", part)!, read("fgate_preact", part)!]);
  const [q, k, v, o] = maps("weight")!.map((map) => weightOf(map.transpose([1, 0])));
  const biases = maps("bias")?.map(weightOf);
  return {
    q: q!,
    k: k!,
    v: v!,
    outputGate: o!,
    gates: weightOf(gates("weight").transpose([1, 0])),
    gatesBias: weightOf(gates("bias")),
    norm: weightOf(read("multihead_norm", "weight")!),
    out: weightOf(read("out_proj", "weight")!.transpose([1, 0])),
    ...(biases && {
      qBias: biases[0]!,
      kBias: biases[1]!,
      vBias: biases[2]!,
      outputGateBias: biases[3]!,
      normBias: weightOf(read("multihead_norm", "bias")!),
      outBias: weightOf(read("out_proj", "bias")!),
    }),
  };
}

/** y₁ = x + layer(norm x); y = y₁ + ffn(norm y₁). */
function block(c: GoldenCase): GoldenGraph {
  const D = c.number("hidden_size");
  const bias = c.flag("use_bias");
  const plain = { b: {}, io: goldenIo() };
  const norm = (x: Tensor, name: string) =>
    rmsnorm.forward(x, {
      ...plain,
      c: rmsnorm.config.parse({ epsilon: c.number("norm_eps"), bias }),
      d: { D },
      p: {
        gain: weightOf(c.tensor(`param.${name}.weight`)),
        ...(bias && { bias: weightOf(c.tensor(`param.${name}.bias`)) }),
      },
    }).y;
  const p = ffnWeights(c);
  const config = swiglu.config.parse({ hidden: p.gate.tensor.dim(1), bias });
  const ffn = (x: Tensor) => swiglu.forward(x, { ...plain, c: config, d: swiglu.dims(config, D), p: p as never }).y;
  return build(c, "mlstm_layer.", (x, layer) => {
    const middle = x.add(layer(norm(x, "norm_mlstm")));
    return middle.add(ffn(norm(middle, "norm_ffn")));
  });
}

/** Gate and up one by one, or gate above up. */
function ffnWeights(c: GoldenCase) {
  const read = (name: string, part: "weight" | "bias") => c.maybe(`param.ffn.${name}.${part}`);
  const halves = (part: "weight" | "bias") => {
    const joined = read("proj_up_gate_z", part);
    return joined
      ? joined.split(0, [joined.dim(0) / 2, joined.dim(0) / 2])
      : ["proj_up_gate", "proj_up"].map((n) => read(n, part));
  };
  const [[gate, up], [gateBias, upBias]] = [halves("weight"), halves("bias")];
  const downBias = read("proj_down", "bias");
  const map = (rows: Tensor) => weightOf(rows.transpose([1, 0]));
  return {
    gate: map(gate!),
    up: map(up!),
    down: map(read("proj_down", "weight")!),
    ...(gateBias && upBias && { gateBias: weightOf(gateBias), upBias: weightOf(upBias) }),
    ...(downBias && { downBias: weightOf(downBias) }),
  };
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "xlstm_mlstm_layer", build: (c) => build(c, "", (x, layer) => layer(x)) },
  { kind: "blocks", component: "xlstm_block", build: block },
];
