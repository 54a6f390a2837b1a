import { compileReference } from "../engine/index.ts";
import { grad } from "../grad/index.ts";
import { createRng } from "../ops/index.ts";
import { buildSpec, canonicalSpec, type SpecInput } from "../spec/index.ts";
import { input, layerNorm, ones, type Tensor, zeros } from "../tensor/index.ts";
import { type NdArray, nativeEngine, plainIo } from "../testing/index.ts";
import { createTraining, inputSource, type TrainingInput, trainingSchema } from "../train/index.ts";
import { initialise } from "./initialise.ts";
import { buildLayer, type Layer } from "./layer.ts";
import { runLayer } from "./run-layer.ts";
import type { ModelSpec } from "./spec.ts";

export const tokens = 17;

/** A small causal transformer with these options in every layer. */
export function transformer(
  options: NonNullable<SpecInput["defaults"]>,
  { depth = 6, width = 32 }: { depth?: number; width?: number } = {},
): ModelSpec {
  return canonicalSpec({
    name: "stack",
    width,
    defaults: { norm: { kind: "layernorm" }, ...options },
    layers: [
      { mixer: { kind: "attention", heads: 4, positions: { kind: "rope" } }, channel: { kind: "mlp" }, repeat: depth },
    ],
  } satisfies SpecInput);
}

export type Values = ReadonlyMap<string, Float32Array>;

/** The parameters at their start; `undamped` as in 2017, when what writes into the stream was not scaled down by depth. */
export function startOf(spec: ModelSpec, { undamped = false } = {}): Values {
  const { model } = buildSpec(spec, { tokens });
  const start = initialise(model, 1);
  if (!undamped) return start;
  const factor = Math.sqrt(2 * spec.layers.length);
  const scale = (path: string) => (model.parameters.get(path)!.init.kind === "residual" ? factor : 1);
  return new Map([...start].map(([path, values]) => [path, values.map((v) => v * scale(path))]));
}

/** The stream after 0, 1, 2 … layers, from a given one; and the leaves that parameters stand for. */
export function streams(spec: ModelSpec, x: Tensor): { after: Tensor[]; leaves: ReadonlyMap<string, Tensor> } {
  const source = inputSource();
  const layers: Layer[] = spec.layers.map((layer, index) => buildLayer(layer, { index, width: spec.width }));
  const after = [x];
  for (const layer of layers)
    after.push(
      runLayer(layer, after.at(-1)!, {
        context: { source, io: plainIo("eval") },
        form: "forward",
        dropoutProb: 0,
        extras: { state: {}, losses: [], buffers: {}, probes: {} },
      }),
    );
  return { after, leaves: source.leaves };
}

/** Outputs for x with parameters as given, on the reference engine. */
export function evaluateStack(
  spec: ModelSpec,
  values: Values,
  { x, outputs }: { x: NdArray; outputs: (at: ReturnType<typeof streams>) => readonly Tensor[] },
): Float64Array[] {
  const traced = streams(spec, input("x", x.shape));
  const feeds = Object.fromEntries([...traced.leaves.keys()].map((path) => [path, values.get(path)!]));
  return compileReference(outputs(traced)).run({ x: x.data, ...feeds });
}

/** Variance of a token's features (about their mean), averaged over tokens: of the stream after 0, 1, 2 … layers. */
export function variances(spec: ModelSpec, values: Values, x: NdArray): number[] {
  const variance = (t: Tensor) => t.sub(t.mean(-1, true)).square().mean();
  return evaluateStack(spec, values, { x, outputs: ({ after }) => after.map(variance) }).map(([value]) => value!);
}

/** Root of the mean square of a parameter's gradient in every layer, for the loss Σ layerNorm(stream) · cotangent. */
export function gradientSizes(
  spec: ModelSpec,
  values: Values,
  { x, cotangent, name }: { x: NdArray; cotangent: NdArray; name: string },
): number[] {
  const feeds = new Map([...values, ["cotangent", Float32Array.from(cotangent.data)] as const]);
  const outputs = ({ after, leaves }: ReturnType<typeof streams>) => {
    const { width } = spec;
    const last = layerNorm(after.at(-1)!, ones([width]), zeros([width]));
    const loss = last.mul(input("cotangent", cotangent.shape)).sum();
    const of = spec.layers.map((_, layer) => leaves.get(`layers.${layer}.${name}`)!);
    return grad(loss, of).map((g) => g!.square().mean().sqrt());
  };
  const traced = streams(spec, input("x", x.shape));
  const named = Object.fromEntries([...traced.leaves.keys(), "cotangent"].map((path) => [path, feeds.get(path)!]));
  return compileReference(outputs(traced))
    .run({ x: x.data, ...named })
    .map(([value]) => value!);
}

export interface Trained {
  losses: number[];
  values: Values;
}

/** Trains on text of a few repeating ids with noise; losses per step, and the parameters at the end. */
export async function trainStack(spec: ModelSpec, options: Omit<TrainingInput, "batch" | "length">): Promise<Trained> {
  const built = buildSpec(spec, { tokens });
  const rng = createRng(7);
  const ids = Int32Array.from({ length: 4000 }, (_, i) => ((i * i) % 13) + Math.floor(4 * rng.uniform()));
  const config = trainingSchema.parse({ ...options, batch: 8, length: 32 });
  const engine = nativeEngine();
  const training = await createTraining(engine, built, { ids, config });
  const losses: number[] = [];
  for (let step = 0; step < config.steps; step++) losses.push((await training.advance()).loss);
  const values = new Map<string, Float32Array>();
  for (const path of built.model.parameters.keys()) values.set(path, (await engine.get(path)) as Float32Array);
  await training.dispose();
  return { losses, values };
}
