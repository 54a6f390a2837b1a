/**
 * Transformers whose weights are written by hand, feature by feature: softmax attention over linear forms of a token's features
 * and ReLU or sigmoid units over linear forms, added to the stream without norms (Giannou et al. 2023, arXiv 2301.13196).
 */
import { buildModel, type Model } from "../../model/index.ts";
import { canonicalSpec, type SpecInput } from "../../spec/index.ts";

/** A linear form of features, or where a number is written: columns and their weights. */
export type Form = readonly (readonly [column: number, weight: number])[];

/** One head: a token's queries meet all tokens' keys; what it reads, form by form, is written to columns. */
export interface Head {
  query: readonly Form[];
  key: readonly Form[];
  /** What is read of a token, and where the reader writes it. */
  reads: readonly { value: Form; to: Form }[];
}

/** relu(form + offset), or the layer's other nonlinearity of it, written to columns. */
export interface Unit {
  form: Form;
  offset: number;
  to: Form;
}

/** Heads act first, then units on what they left. */
export interface HandWrittenLayer {
  heads: readonly Head[];
  units: readonly Unit[];
  /** Left out: relu. */
  activation?: "relu" | "sigmoid";
}

export interface HandWritten {
  /** Reads and leaves [B, T, width] features: the stream behind the last layer is its probe. */
  model: Model;
  /** By path. */
  values: ReadonlyMap<string, Float32Array>;
  /** Probe of what the model leaves. */
  output: string;
}

/** Columns of named features, in the order of their names. */
export function featureColumns<Name extends string>(sizes: Readonly<Record<Name, number>>) {
  const starts = new Map<string, number>();
  let width = 0;
  for (const [name, size] of Object.entries<number>(sizes)) {
    starts.set(name, width);
    width += size;
  }
  return {
    width,
    at: (name: Name, i = 0): number => starts.get(name)! + i,
    all: (name: Name): number[] => Array.from({ length: sizes[name] }, (_, i) => starts.get(name)! + i),
  };
}

/** Written as a model whose layers are gone through `times` times. */
export function handWritten(
  layers: readonly HandWrittenLayer[],
  { width, times = 1 }: { width: number; times?: number },
): HandWritten {
  const shapes = layers.map(shapeOf);
  const spec = canonicalSpec({
    ...{ name: "hand-written", width, embedding: { kind: "features", size: width, bias: false } },
    defaults: { norm: { kind: "none" }, placement: "none" },
    layers: layers.map(({ activation }, i) => layerSpec(shapes[i]!, activation)),
    loop: { times },
    ...{ head: { kind: "classes", classes: 1, pool: "last" }, objective: { kind: "regression" } },
  } satisfies SpecInput);
  const model = buildModel(spec, { vocabulary: 1 });
  const identity = matrixOf(width, width, (put) => {
    for (let i = 0; i < width; i++) put(i, i, 1);
  });
  const own = layers.flatMap((layer, i) => [
    ...attentionValues(layer, { ...shapes[i]!, width, path: `layers.${i}.mixer` }),
    ...netValues(layer, { ...shapes[i]!, width, path: `layers.${i}.channel` }),
  ]);
  const output = `layers.${layers.length * times - 1}.stream`;
  return { model, values: new Map([["embedding.project", identity], ...own]), output };
}

interface LayerShape {
  heads: number;
  K: number;
  V: number;
  hidden: number;
}

const shapeOf = ({ heads, units }: HandWrittenLayer): LayerShape => ({
  heads: Math.max(1, heads.length),
  K: Math.max(1, ...heads.map(({ query }) => query.length)),
  V: Math.max(1, ...heads.map(({ reads }) => reads.length)),
  hidden: Math.max(1, units.length),
});

const layerSpec = ({ heads, K, V, hidden }: LayerShape, activation: "relu" | "sigmoid" = "relu") =>
  ({
    mixer: { kind: "attention", heads, headSize: K, valueSize: V, causal: false, scale: "none" },
    channel: { kind: "mlp", hidden, activation },
  }) as const;

type Put = (row: number, column: number, value: number) => void;

function matrixOf(rows: number, columns: number, fill: (put: Put) => void): Float32Array {
  const data = new Float32Array(rows * columns);
  fill((row, column, value) => {
    data[row * columns + column]! += value;
  });
  return data;
}

interface Site extends LayerShape {
  width: number;
  path: string;
}

/** Columns of queries of all heads, then keys, then values. */
function attentionValues({ heads: plans }: HandWrittenLayer, { heads: H, K, V, width, path }: Site) {
  const columns = H * (2 * K + V);
  const qkv = matrixOf(width, columns, (put) => {
    const write = (forms: readonly Form[], first: number) => {
      for (const [i, form] of forms.entries()) for (const [row, weight] of form) put(row, first + i, weight);
    };
    for (const [h, { query, key, reads }] of plans.entries()) {
      write(query, h * K);
      write(key, (H + h) * K);
      write(
        reads.map(({ value }) => value),
        2 * H * K + h * V,
      );
    }
  });
  const out = matrixOf(H * V, width, (put) => {
    for (const [h, { reads }] of plans.entries())
      for (const [i, { to }] of reads.entries()) for (const [column, weight] of to) put(h * V + i, column, weight);
  });
  return [[`${path}.qkv`, qkv] as const, [`${path}.out`, out] as const];
}

function netValues({ units }: HandWrittenLayer, { hidden, width, path }: Site) {
  const up = matrixOf(width, hidden, (put) => {
    for (const [u, { form }] of units.entries()) for (const [row, weight] of form) put(row, u, weight);
  });
  const down = matrixOf(hidden, width, (put) => {
    for (const [u, { to }] of units.entries()) for (const [column, weight] of to) put(u, column, weight);
  });
  const upBias = Float32Array.from({ length: hidden }, (_, u) => units[u]?.offset ?? 0);
  return [
    [`${path}.up`, up] as const,
    [`${path}.down`, down] as const,
    [`${path}.upBias`, upBias] as const,
    [`${path}.downBias`, new Float32Array(width)] as const,
  ];
}
