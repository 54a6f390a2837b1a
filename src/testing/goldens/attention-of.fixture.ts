import type { Io, Weight } from "../../blocks/index.ts";
import { attention } from "../../blocks/mixers/attention.ts";
import { concat, type Tensor } from "../../tensor/index.ts";

/** Options of `attention`, but for the biases. */
type Options = Readonly<Record<string, unknown>>;

/** A map of a source: weight [outputs, inputs], as torch stores it. */
export interface StoredLinear {
  weight: Tensor;
  bias?: Tensor | undefined;
}

/** The maps of a source's attention, and what else it learns under our names. */
export interface StoredAttention {
  q: StoredLinear;
  k: StoredLinear;
  v: StoredLinear;
  out: StoredLinear;
  others?: Readonly<Record<string, Tensor | undefined>>;
}

/** A stored tensor in the place of a parameter. */
export const storedWeight = (tensor: Tensor): Weight => ({
  path: "golden",
  declaration: { shape: tensor.shape, init: { kind: "constant", value: 0 }, role: "matrix" },
  tensor,
});

/** Nothing of a golden case is drawn. */
export const storedIo = (fields: Partial<Io> = {}): Io => ({
  mode: "eval",
  rng: () => {
    throw new Error("a golden case draws nothing");
  },
  ...fields,
});

/** `attention` with a source's maps: q, k and v side by side, biases where the source has them. */
export function attentionPart({ q, k, v, out, others = {} }: StoredAttention, options: Options) {
  const biases = [q, k, v].flatMap(({ bias }) => (bias ? [bias] : []));
  const c = attention.config.parse({ ...options, bias: biases.length > 0, outBias: out.bias !== undefined });
  const tensors = {
    qkv: columns(concat(0, [q.weight, k.weight, v.weight])),
    qkvBias: biases.length > 0 ? concat(0, biases) : undefined,
    out: columns(out.weight),
    outBias: out.bias,
    ...others,
  };
  const present = Object.entries(tensors).flatMap(([name, tensor]) => (tensor ? [[name, storedWeight(tensor)]] : []));
  const p = Object.fromEntries(present) as Parameters<typeof attention.forward>[1]["p"];
  return { c, d: attention.dims(c, q.weight.dim(1)), p, b: {} };
}

/** Runs it over a whole sequence. */
export function attentionOf(
  x_BTD: Tensor,
  stored: StoredAttention,
  { options, io = {} }: { options: Options; io?: Partial<Io> },
) {
  const result = attention.forward(x_BTD, { ...attentionPart(stored, options), s: {}, io: storedIo(io) });
  const handed: Readonly<Record<string, Tensor>> = result.handed ?? {};
  return { y: result.y, weights: result.probes!.weights_BHTS!, handed };
}

const columns = (weight: Tensor): Tensor => weight.transpose([1, 0]);
