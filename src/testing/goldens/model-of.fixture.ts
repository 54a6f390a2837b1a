/** Whole models of our specs with a source's tensors in the places of their parameters. */
import type { Io, Memory } from "../../blocks/index.ts";
import { buildModel } from "../../model/index.ts";
import { canonicalSpec } from "../../spec/index.ts";
import { concat, fail, iota, type Tensor, where } from "../../tensor/index.ts";
import { type StoredAttention, type StoredLinear, storedIo } from "./attention-of.fixture.ts";
import type { GoldenCase } from "./golden-case.ts";
import type { NormKind } from "./layer-parts.fixture.ts";

/** Parameters by our paths. */
export type Parameters = Readonly<Record<string, Tensor | undefined>>;

/** One layer of a source: what a spec says of it, and its tensors. */
export interface StoredLayer {
  mixer: { options: Options; maps: StoredAttention };
  cross?: { options: Options; maps: StoredAttention };
  /** A net of two maps, or of three where there is a gate. */
  channel: { up: StoredLinear; down: StoredLinear; gate?: StoredLinear; activation: string };
  norm: StoredNorm;
  placement: "pre" | "post";
  /** Factors on what a sublayer adds, by its slot. */
  scales?: Readonly<Partial<Record<Slot, Tensor>>>;
}
type Slot = "mixer" | "cross" | "channel";
type Options = Readonly<Record<string, unknown>>;

interface StoredNorm {
  kind: NormKind;
  epsilon: number;
  /** Modules by the sublayers that they stand at. */
  names: Readonly<Partial<Record<Slot, string>>>;
}

/** A stack, its layers' weights by our paths. */
export interface StoredStack {
  spec: { layers: readonly Options[]; [field: string]: unknown };
  parameters: Parameters;
}

const columns = ({ weight }: StoredLinear): Tensor => weight.transpose([1, 0]);
const under = (path: string, parameters: Parameters): Parameters =>
  Object.fromEntries(Object.entries(parameters).map(([name, tensor]) => [`${path}.${name}`, tensor]));

/** Offsets side by side where there are any; zeros for maps that have none. */
function offsets(maps: readonly StoredLinear[]): Tensor | undefined {
  if (maps.every(({ bias }) => bias === undefined)) return undefined;
  return concat(
    0,
    maps.map(({ bias, weight }) => bias ?? iota(weight.dim(0)).cast("f32").mul(0)),
  );
}

function attentionSpec(kind: string, { q, k, v, out }: StoredAttention, options: Options): Options {
  const bias = [q, k, v].some((map) => map.bias !== undefined);
  return { kind, ...options, bias, outBias: out.bias !== undefined };
}

const selfParameters = ({ q, k, v, out, others = {} }: StoredAttention): Parameters => ({
  qkv: concat(1, [q, k, v].map(columns)),
  qkvBias: offsets([q, k, v]),
  out: columns(out),
  outBias: out.bias,
  ...others,
});

/** `cross-attention`: keys and values side by side. */
export const crossParameters = ({ q, k, v, out }: StoredAttention): Parameters => {
  const anywhere = offsets([q, k, v]) !== undefined;
  return {
    query: columns(q),
    keyValue: concat(1, [k, v].map(columns)),
    ...(anywhere && { queryBias: offsets([q]), keyValueBias: offsets([k, v]) }),
    out: columns(out),
    outBias: out.bias,
  };
};

/** A norm as a spec names it, and its parameters. */
export function normAt(
  c: GoldenCase,
  module: string,
  { kind, epsilon }: { kind: NormKind; epsilon: number },
): { spec: Options; parameters: Parameters } {
  const stored = c.maybe(`param.${module}.weight`);
  const gain = stored && (kind.endsWith("plus-one") ? stored.add(1) : stored);
  const bias = c.maybe(`param.${module}.bias`);
  if (kind.startsWith("rms")) return { spec: { kind: "rmsnorm", epsilon }, parameters: { gain } };
  const spec = { kind: "layernorm", epsilon, gain: gain !== undefined, bias: bias !== undefined };
  return { spec, parameters: { gain, bias } };
}

/** The layer number `index` of a stack, with its parameters below `layers.<index>`. */
function layerAt(c: GoldenCase, layer: StoredLayer, index: number): { spec: Options; parameters: Parameters } {
  const { mixer, cross, channel, norm, placement, scales } = layer;
  const { gate, activation } = channel;
  const slots = Object.keys(norm.names) as Slot[];
  const norms = slots.map((slot) => ({ slot, ...normAt(c, norm.names[slot]!, norm) }));
  const net = { up: channel.up, down: channel.down, ...(gate && { gate }) };
  const at = (slot: string) => `layers.${index}.${slot}`;
  return {
    spec: {
      mixer: attentionSpec("attention", mixer.maps, mixer.options),
      ...(cross && { cross: attentionSpec("cross-attention", cross.maps, cross.options) }),
      channel: {
        kind: gate ? "swiglu" : "mlp",
        activation,
        hidden: channel.up.weight.dim(0),
        bias: channel.up.bias !== undefined,
      },
      norm: norms[0]!.spec,
      placement,
      ...(scales && { residual: { kind: "layerscale" } }),
    },
    parameters: {
      ...under(at("mixer"), selfParameters(mixer.maps)),
      ...(cross && under(at("cross"), crossParameters(cross.maps))),
      ...Object.assign(
        {},
        ...Object.entries(net).map(([name, map]) =>
          under(at("channel"), { [name]: columns(map), [`${name}Bias`]: map.bias }),
        ),
        ...norms.map(({ slot, parameters }) => under(at(`${slot}Norm`), parameters)),
        ...Object.entries(scales ?? {}).map(([slot, scale]) => under(at(`${slot}Residual`), { scale })),
      ),
    },
  };
}

/** Layers, and the norm behind them if its module is named. */
export function stackOf(
  c: GoldenCase,
  layers: readonly StoredLayer[],
  last?: { name: string; kind: NormKind; epsilon: number },
): StoredStack {
  const all = layers.map((layer, index) => layerAt(c, layer, index));
  const norm = last && normAt(c, last.name, last);
  return {
    spec: { layers: all.map(({ spec }) => spec), norm: norm?.spec ?? { kind: "none" } },
    parameters: Object.assign({}, ...all.map(({ parameters }) => parameters), norm && under("norm", norm.parameters)),
  };
}

const identity = (size: number): Tensor => where(iota(size).unsqueeze(1).equal(iota(size)), 1, 0);

/** Nothing happens to vectors below the layers, nor above them, where more outputs than the width are zeros. */
const through = (width: number, vocabulary: number) => ({
  spec: { embedding: { kind: "features", size: width, bias: false }, head: { kind: "lm", tied: false } },
  parameters: {
    "embedding.project": identity(width),
    "head.out": identity(width).pad(1, 0, vocabulary - width),
  },
});

/** What a model is run on beside its input. */
interface Given {
  io?: Partial<Io>;
  memory?: Memory;
  from?: { stack: StoredStack; x: Tensor; mask?: Tensor };
}

/** A stack's spec as a model that takes vectors and gives vectors, unless it says otherwise; then run. */
export function runStored(x: Tensor, stack: StoredStack, width: number, { io = {}, memory, from }: Given = {}): Tensor {
  const table = stack.parameters["embedding.table"];
  const vocabulary = Math.max(width, table?.dim(0) ?? 0);
  const ends = through(width, vocabulary);
  const spec = {
    name: "golden",
    width,
    ...ends.spec,
    ...stack.spec,
    ...(from && { encoder: from.stack.spec, objective: { kind: "sequence-to-sequence" } }),
  };
  const parameters = {
    ...ends.parameters,
    ...stack.parameters,
    ...(from && under("encoder", from.stack.parameters)),
  };
  const model = buildModel(canonicalSpec(spec), { vocabulary });
  const { logits } = model.forward(x, {
    source: sourceOf(parameters),
    io: storedIo({ ...io, ...(memory && { memory }) }),
    ...(from && { from: { ids_BS: from.x, ...(from.mask && { mask_BS: from.mask }) } }),
  });
  return stack.spec.head || vocabulary === width ? logits : logits.slice(2, 0, width);
}

function sourceOf(parameters: Parameters) {
  const reject = (path: string, expected: string, got: string) =>
    fail({ code: "E_GOLDEN", where: path, expected, got });
  return {
    weight(path: string, { shape }: { shape: readonly number[] }): Tensor {
      const tensor = parameters[path];
      if (!tensor) return reject(path, "a stored tensor in its place", "none");
      const same = tensor.shape.join() === shape.join();
      return same ? tensor : reject(path, `shape [${shape}]`, `[${tensor.shape}]`);
    },
    buffer: (path: string): Tensor => reject(path, "no buffers", "one"),
  };
}
