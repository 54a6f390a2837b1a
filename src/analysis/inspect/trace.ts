import type { Io } from "../../blocks/index.ts";
import type { Values } from "../../engine/index.ts";
import type { ModelResult } from "../../model/index.ts";
import type { BuiltModel } from "../../spec/index.ts";
import { input, softmaxCrossEntropy, type Tensor, within } from "../../tensor/index.ts";
import { evaluationIo, inputSource } from "../../train/index.ts";
import type { Sample } from "./sample.ts";

/** A model traced over one sample: T tokens, none of them padding, nothing dropped or drawn. */
export interface Trace {
  built: BuiltModel;
  result: ModelResult;
  io: Io;
  source: ReturnType<typeof inputSource>;
  /** i32 [1, T], f32 [1, T]. */
  targets_BT: Tensor;
  weights_BT: Tensor;
  /** −ln p(target), nats: [1, T]. */
  nats_BT: Tensor;
  /** Mean over the tokens that count: []. */
  loss: Tensor;
}

/** Tensors that an analysis needs, and what it makes of their values. */
export interface Reading<T> {
  outputs: Readonly<Record<string, Tensor>>;
  read(values: Values): T;
}

/** Inputs `ids`, `targets`, `weights` and, where there is an encoder, `source`; parameters by their paths. */
export function traceSample(built: BuiltModel, { ids, source }: Sample): Trace {
  const T = ids.length;
  const ids_BT = input("ids", [1, T], "i32");
  const [targets_BT, weights_BT] = [input("targets", [1, T], "i32"), input("weights", [1, T])];
  const io: Io = { ...evaluationIo(), ids_BT };
  const leaves = inputSource();
  const result = built.model.forward(ids_BT, {
    source: leaves,
    io,
    ...(source && { from: { ids_BS: input("source", [1, source.length], "i32") } }),
  });
  return within("objective", () => {
    const nats_BT = softmaxCrossEntropy(result.logits, targets_BT);
    const loss = nats_BT.mul(weights_BT).sum().div(weights_BT.sum());
    return { built, result, io, source: leaves, targets_BT, weights_BT, nats_BT, loss };
  });
}

export const feedsOf = ({ ids, targets, weights, source }: Sample): Values => ({
  ids,
  targets,
  weights,
  ...(source && { source }),
});

/** Enough digits for any figure, few enough for a file of many. */
export const rounded = (value: number): number => Number(value.toPrecision(6));

export const l2 = (values: Iterable<number>): number => {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
};

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Paths of the stack's streams, bottom first: below the first layer, and behind each. `prefix` is that of the encoder. */
export const streamPaths = ({ probes }: ModelResult, prefix = ""): string[] =>
  Object.keys(probes).filter(
    (path) => path.startsWith(prefix) && /^(embedding|layers\.\d+)\.stream$/.test(path.slice(prefix.length)),
  );
