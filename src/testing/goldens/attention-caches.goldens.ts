/** Whole decoders of transformers, run at once and again piece by piece with their caches: a prefix, then single tokens. */
import { attention } from "../../blocks/mixers/attention.ts";
import { concat, constant, type Tensor } from "../../tensor/index.ts";
import { advance, type Decoding, fieldOf, startDecoding } from "../decoder.ts";
import type { Absent, GoldenAdapter, GoldenGraph } from "./adapter.ts";
import { attentionOf, attentionPart, storedIo } from "./attention-of.fixture.ts";
import type { GoldenCase } from "./golden-case.ts";
import { settingsOf } from "./hf-attention.fixture.ts";
import { decoderFamilies } from "./layer-families-decoder.fixture.ts";
import { otherFamilies } from "./layer-families-other.fixture.ts";
import type { Family, Layer } from "./layer-family.ts";
import { normOf } from "./layer-parts.fixture.ts";
import { wire } from "./layer-wiring.ts";

interface Model {
  family: Family;
  /** Module that holds the layers, and the norm behind them. */
  layers: string;
  norm: string;
  /** Window of a layer; none by default. */
  window?: (c: GoldenCase, layer: number) => number | undefined;
  /** What the model does to given embeddings. */
  embed?: (x: Tensor, c: GoldenCase) => Tensor;
}

const slidingWindow = (c: GoldenCase) => settingsOf(c).sliding_window as number;

const models: Readonly<Record<string, Model>> = {
  "llama-cache": { family: decoderFamilies["llama-layer"]!, layers: "layers", norm: "norm" },
  "mistral-cache": { family: decoderFamilies["mistral-layer"]!, layers: "layers", norm: "norm", window: slidingWindow },
  "gemma3-cache": {
    family: decoderFamilies["gemma3-layer"]!,
    layers: "layers",
    norm: "norm",
    window: (c, layer) =>
      (settingsOf(c).layer_types as string[])[layer] === "sliding_attention" ? slidingWindow(c) : undefined,
  },
  "gpt2-cache": {
    family: otherFamilies["gpt2-layer"]!,
    layers: "h",
    norm: "ln_f",
    embed: (x, c) => x.add(c.tensor("param.wpe.weight").slice(0, 0, x.dim(1))),
  },
  "bloom-cache": {
    family: otherFamilies["bloom-layer"]!,
    layers: "h",
    norm: "ln_f",
    embed: (x, c) => normOf(c, "word_embeddings_layernorm", { kind: "layer", epsilon: 1e-5 })(x),
  },
};

/** The case as one of its layers sees it: parameters below the layer's name. */
function layerView(c: GoldenCase, name: string): GoldenCase {
  const inside = (tensor: string) => tensor.replace(/^param\./, `param.${name}.`);
  const members = {
    config: { ...c.config, target: name },
    has: (tensor: string) => c.has(inside(tensor)),
    tensor: (tensor: string) => c.tensor(inside(tensor)),
    maybe: (tensor: string) => c.maybe(inside(tensor)),
  };
  return Object.create(c, Object.getOwnPropertyDescriptors(members)) as GoldenCase;
}

/** A layer with its attention, ready to run over whole sequences or with a cache. */
interface CachedLayer {
  layer: Layer;
  view: GoldenCase;
  options: Readonly<Record<string, unknown>>;
}

function layersOf(c: GoldenCase, { family, layers, window }: Model): CachedLayer[] | Absent {
  const count = Number(settingsOf(c).num_hidden_layers ?? settingsOf(c).n_layer);
  const all: CachedLayer[] = [];
  for (let i = 0; i < count; i++) {
    const view = layerView(c, `${layers}.${i}`);
    const layer = family(view);
    if (typeof layer === "string") return layer;
    all.push({ layer, view, options: { ...layer.attention.options, window: window?.(c, i) } });
  }
  return all;
}

const through = (
  x: Tensor,
  layers: readonly CachedLayer[],
  attend: (x: Tensor, at: CachedLayer, i: number) => Tensor,
) =>
  layers.reduce((stream, at, i) => {
    const norm = (name: string) => normOf(at.view, name, at.layer.norms);
    return wire(stream, at.layer, { attend: (t) => attend(t, at, i), norm });
  }, x);

/** The tokens in pieces of these sizes; what the caches hold at the end. */
function incrementally(x: Tensor, layers: readonly CachedLayer[], pieces: readonly number[]) {
  const parts = layers.map(({ layer, options }) => attentionPart(layer.attention.maps, options));
  const states = parts.map(({ c, d }) => attention.state(d, c) as Parameters<typeof startDecoding>[0]);
  const [batch, capacity] = [x.dim(0), x.dim(1) + 2];
  const caches: Decoding[] = states.map((state) => startDecoding(state, { batch, capacity }));
  let from = 0;
  const outputs = pieces.map((tokens) => {
    const y = through(x.slice(1, from, from + tokens), layers, (t, _at, i) => {
      const io = storedIo({ length_B: constant(new Array<number>(batch).fill(from), [batch], "i32") });
      const result = attention.forward(t, { ...parts[i]!, s: caches[i]!.fields, io });
      const s = result.s as Readonly<Record<string, Tensor>>;
      caches[i] = advance(states[i]!, caches[i]!, s, new Array<number>(batch).fill(tokens));
      return result.y;
    });
    from += tokens;
    return y;
  });
  return { y: concat(1, outputs), states, caches };
}

function build(c: GoldenCase, model: Model): GoldenGraph | Absent {
  const layers = layersOf(c, model);
  if (typeof layers === "string") return layers;
  const x = c.tensor("in.x");
  const embedded = model.embed?.(x, c) ?? x;
  const final = normOf(c, model.norm, layers[0]!.layer.norms);
  const full = through(
    embedded,
    layers,
    (t, { layer, options }) => attentionOf(t, layer.attention.maps, { options }).y,
  );
  const prefix = c.number("prefix");
  const pieces = [prefix, ...new Array<number>(x.dim(1) - prefix).fill(1)];
  const { y, states, caches } = incrementally(embedded, layers, pieces);
  const stored = caches.flatMap((cache, i) =>
    (["k", "v"] as const).map((name) => {
      const field = `${name}_BHTK`;
      const rows = Array.from({ length: x.dim(0) }, (_, b) => fieldOf(states[i]![field]!, cache, field, b));
      // The source keeps one token less than the window.
      const kept = c.stored[`state.out.${name}${i}`]!.shape[2]!;
      return [`state.out.${name}${i}`, concat(0, rows).slice(2, -kept)];
    }),
  );
  return { outputs: { "out.full": final(full), "out.incremental": final(y), ...Object.fromEntries(stored) } };
}

export const adapters: readonly GoldenAdapter[] = Object.entries(models).map(([component, model]) => ({
  kind: "blocks",
  component,
  build: (c) => build(c, model),
}));
