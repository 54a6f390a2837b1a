/** Decoders of x-transformers with one option of norms, placement or residuals, run as layers of a spec. */

import type { LayerSpec, PartSpec, Placement } from "../../model/index.ts";
import { buildLayer } from "../../model/layer.ts";
import { buildPart, contextOf, type Source } from "../../model/part.ts";
import { runLayer } from "../../model/run-layer.ts";
import { canonicalSpec, type SpecInput } from "../../spec/index.ts";
import { concat, full, ones, type Tensor } from "../../tensor/index.ts";
import { storedIo, storedWeight } from "../../testing/goldens/attention-of.fixture.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import type { Io } from "../define.ts";
import { families } from "../families.ts";
import { dyt } from "../norms/dyt.ts";

type Options = Readonly<Record<string, number | boolean | undefined>>;
type Tensors = Record<string, Tensor>;

/** How a case's norms are ours: the part, and our parameters from the source's module. */
interface NormMap {
  part: PartSpec;
  read: (c: GoldenCase, module: string) => Tensors;
}

interface Decoder {
  norm: NormMap;
  placement: Placement;
  residual: PartSpec;
  /** Names of our norms by the source's index beside the branch: 0 before it, 1 behind it, 2 behind the sum. */
  norms: Readonly<Record<string, 0 | 1 | 2>>;
  /** A norm at the end. */
  final: boolean;
}

const plusOne = (c: GoldenCase, name: string) => c.tensor(name).add(1);
const layerNorm: NormMap = {
  part: { kind: "layernorm", bias: false },
  read: (c, module) => ({ gain: plusOne(c, `${module}.gamma`) }),
};

/** What divides is the length, floored; none of these tokens is near 0. */
const smallest = 1e-30;

/** A gain from a condition, without offset. */
const adaptiveNorm = (c: GoldenCase, o: Options): NormMap => ({
  part: {
    kind: "adaptive-norm",
    norm: o.use_adaptive_rmsnorm ? "rms" : "layer",
    condition: o.dim_condition,
    shift: false,
    from: "linear",
    epsilon: o.use_adaptive_rmsnorm ? smallest : 1e-5,
  },
  read: (_, module) => ({ map: columns(c.tensor(`${module}.to_gamma.weight`)) }),
});

function normOf(c: GoldenCase, o: Options): NormMap {
  if (o.use_adaptive_layernorm || o.use_adaptive_rmsnorm) return adaptiveNorm(c, o);
  if (o.use_rmsnorm)
    return { part: { kind: "rmsnorm", epsilon: smallest }, read: (_, module) => ({ gain: plusOne(c, `${module}.g`) }) };
  if (o.use_simple_rmsnorm) return { part: { kind: "rmsnorm", epsilon: smallest, gain: false }, read: () => ({}) };
  if (o.use_scalenorm)
    return {
      part: { kind: "scalenorm", epsilon: smallest },
      read: (_, module) => ({ gain: plusOne(c, `${module}.g`).mul(c.number("dim") ** 0.5) }),
    };
  const scalar = (name: string) => c.tensor(name).reshape([1]);
  const affine = (module: string) => ({ gain: plusOne(c, `${module}.gamma`), bias: c.tensor(`${module}.beta`) });
  if (o.use_dynamic_tanh)
    return {
      part: { kind: "dyt", alpha: 1 },
      read: (_, module) => ({ alpha: scalar(`${module}.pre_tanh_scale`).add(1), ...affine(module) }),
    };
  if (o.use_derf)
    return {
      part: { kind: "dyt", function: "erf" },
      read: (_, module) => ({
        alpha: scalar(`${module}.alpha`).add(1),
        shift: scalar(`${module}.s`),
        ...affine(module),
      }),
    };
  return layerNorm;
}

function placementOf(o: Options): Pick<Decoder, "placement" | "norms" | "final"> {
  if (o.pre_and_post_norm) return { placement: "pre-and-post", norms: { Norm: 0, SumNorm: 2 }, final: false };
  if (o.pre_norm === false) return { placement: "post", norms: { Norm: 2 }, final: false };
  if (o.sandwich_norm) return { placement: "peri", norms: { Norm: 0, OutNorm: 1 }, final: true };
  return { placement: "pre", norms: { Norm: 0 }, final: true };
}

function residualOf(o: Options): PartSpec {
  if (o.use_adaptive_layerscale) return { kind: "condition-gate", gate: "sigmoid", condition: o.dim_condition };
  if (o.gate_residual) return { kind: "gru-gate", skipScale: o.scale_residual === true };
  if (o.scale_residual) return { kind: "skip-scale" };
  if (o.scale_residual_constant) return { kind: "scaled", skip: Number(o.scale_residual_constant) };
  return o.use_layerscale ? { kind: "layerscale" } : { kind: "add" };
}

const columns = (weight: Tensor) => weight.transpose([1, 0]);

/** Our parameters of one sublayer: slot `mixer` or `channel`, module `layers.i` of the source. */
function sublayer(
  c: GoldenCase,
  { slot, module }: { slot: "mixer" | "channel"; module: string },
  decoder: Decoder,
): Tensors {
  const own: Tensors = {};
  const put = (part: string, tensors: Tensors) => {
    for (const [name, tensor] of Object.entries(tensors)) own[`${slot}${part}.${name}`] = tensor;
  };
  const { kind } = decoder.residual;
  const inner = `${module}.1${kind === "layerscale" || kind === "condition-gate" ? ".fn" : ""}`;
  const weight = (name: string) => columns(c.tensor(`${inner}.${name}.weight`));
  if (slot === "mixer")
    put("", { qkv: concat(1, [weight("to_q"), weight("to_k"), weight("to_v")]), out: weight("to_out") });
  else
    put("", {
      up: weight("ff.0.0"),
      upBias: c.tensor(`${inner}.ff.0.0.bias`),
      down: weight("ff.2"),
      downBias: c.tensor(`${inner}.ff.2.bias`),
    });
  for (const [name, index] of Object.entries(decoder.norms)) put(name, decoder.norm.read(c, `${module}.0.${index}`));
  put("Residual", residualTensors(c, { kind, module }));
  return own;
}

function residualTensors(c: GoldenCase, { kind, module }: { kind: string; module: string }): Tensors {
  const skip = c.maybe(`${module}.2.residual_scale`);
  switch (kind) {
    case "layerscale":
      return { scale: plusOne(c, `${module}.1.gamma`) };
    case "condition-gate":
      return {
        gate: columns(c.tensor(`${module}.1.to_gamma.weight`)),
        gateBias: c.tensor(`${module}.1.to_gamma.bias`),
      };
    case "gru-gate":
      return { ...gruGate(c, `${module}.2.gru`), ...(skip && { skip }) };
    default:
      return skip ? { skip } : {};
  }
}

/** PyTorch's order is reset, update, candidate too. Its candidate's stream bias is within the reset product, as ours. */
function gruGate(c: GoldenCase, module: string): Tensors {
  return {
    branch: columns(c.tensor(`${module}.weight_ih`)),
    stream: columns(c.tensor(`${module}.weight_hh`)),
    branchBias: c.tensor(`${module}.bias_ih`),
    streamBias: c.tensor(`${module}.bias_hh`),
  };
}

function layerOf(c: GoldenCase, { norm, placement, residual }: Decoder): LayerSpec {
  const o = c.config.options as Options;
  const spec = canonicalSpec({
    name: "golden",
    width: c.number("dim"),
    layers: [
      {
        mixer: { kind: "attention", heads: c.number("heads"), headSize: c.number("dim_head") },
        channel: { kind: "mlp", ratio: Number(o.ff_mult) },
        norm: norm.part,
        placement,
        residual,
      },
    ],
  } as SpecInput);
  return spec.layers[0]!;
}

function build(c: GoldenCase): GoldenGraph {
  const o = c.config.options as Options;
  const decoder: Decoder = { norm: normOf(c, o), ...placementOf(o), residual: residualOf(o) };
  const spec = layerOf(c, decoder);
  const width = c.number("dim");
  const tensors: Tensors = {};
  let x = c.tensor("in.x");
  const source: Source = { weight: (path) => tensors[path]!, buffer: (_, shape) => ones(shape) };
  const context = { source, io: ioOf(c) };
  for (let index = 0; index < c.number("depth"); index++) {
    for (const [i, slot] of (["mixer", "channel"] as const).entries())
      for (const [name, tensor] of Object.entries(
        sublayer(c, { slot, module: `param.layers.${2 * index + i}` }, decoder),
      ))
        tensors[`layers.${index}.${name}`] = tensor;
    x = runLayer(buildLayer(spec, { index, width }), x, {
      context,
      form: "forward",
      dropoutProb: 0,
      extras: { state: {}, losses: [], buffers: {}, probes: {} },
    });
  }
  const last = o.softclamp_output ? softClamp(x, Number(o.softclamp_output_value)) : x;
  return { outputs: { "out.y": decoder.final ? finalNorm(c, last, decoder.norm) : last } };
}

/** limit · tanh(x / limit): `dyt` with fixed numbers. */
function softClamp(x: Tensor, limit: number): Tensor {
  const D = x.dim(-1);
  const p = {
    alpha: storedWeight(full([1], 1 / limit)),
    gain: storedWeight(full([D], limit)),
    bias: storedWeight(full([D], 0)),
  };
  return dyt.forward(x, { c: dytConfig, d: { D }, p, b: {}, io: storedIo() }).y;
}
const dytConfig = dyt.config.parse({});

const ioOf = (c: GoldenCase): Io => {
  const condition = c.maybe("in.condition");
  return storedIo(condition ? { cond_BTD: condition.unsqueeze(1) } : {});
};

function finalNorm(c: GoldenCase, x: Tensor, { part, read }: NormMap): Tensor {
  const component = families.norms[part.kind]!;
  const config = component.config.parse(Object.fromEntries(Object.entries(part).filter(([key]) => key !== "kind")));
  const built = buildPart(component, {
    spec: { kind: part.kind, ...config },
    path: "norm",
    where: "norm",
    dims: (c) => component.dims(c, x.dim(-1)),
  });
  const stored = read(c, "param.final_norm");
  const source: Source = {
    weight: (path) => stored[path.slice("norm.".length)]!,
    buffer: (_, shape) => ones(shape),
  };
  return component.forward(x, contextOf(built, source, ioOf(c))).y;
}

export const adapters: readonly GoldenAdapter[] = ["xt-norm", "xt-placement", "xt-residual", "xt-layerscale"].map(
  (component) => ({ kind: "blocks", component, build }),
);
