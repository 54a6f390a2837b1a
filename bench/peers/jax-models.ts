/**
 * The benched models in jax-js: parameters as a tree, the loss as a pure function of them.
 * Axes: B batch, T time, D width, H heads, K width per head, F hidden, C vocabulary.
 */
import type { ModelSettings } from "../train-step/models.ts";
import { type Start, weightSource } from "./initial-weights.ts";
import type { Jax, JaxArray } from "./jax-api.ts";

type Layer = Record<string, JaxArray>;
type JaxParams = { embedding: JaxArray; outer: Layer; layers: Layer[] };
type Forward = (params: JaxParams, ids_BT: JaxArray) => JaxArray;

/** A model as jax-js trains it; `loss` is the mean cross-entropy in nats per token. */
export interface JaxModel {
  params: JaxParams;
  loss(params: JaxParams, ids_BT: JaxArray, targets_BT: JaxArray): JaxArray;
}

/** Builds a model of the families jax-js is benched on. */
export function jaxModel(jax: Jax, model: ModelSettings & { family: "gpt" | "lstm" }): JaxModel {
  const draw = weightSource();
  const weight = (shape: number[], start: Start = "normal") =>
    jax.numpy
      .array(
        draw(
          shape.reduce((size, axis) => size * axis, 1),
          start,
        ),
      )
      .reshape(shape);
  const params = { gpt: gptParams, lstm: lstmParams }[model.family](model, weight);
  const forward = { gpt: gptForward, lstm: lstmForward }[model.family](jax, model);
  const loss = (p: JaxParams, ids_BT: JaxArray, targets_BT: JaxArray) =>
    crossEntropy(jax, forward(p, ids_BT), targets_BT);
  return { params, loss };
}

type Weight = (shape: number[], start?: Start) => JaxArray;

function gptParams({ layers, width: D, context, vocabulary }: ModelSettings, weight: Weight): JaxParams {
  const layer = () => ({
    mixerGain: weight([D], "ones"),
    mixerBias: weight([D], "zeros"),
    qkv: weight([D, 3 * D]),
    out: weight([D, D]),
    channelGain: weight([D], "ones"),
    channelBias: weight([D], "zeros"),
    up: weight([D, 4 * D]),
    upBias: weight([4 * D], "zeros"),
    down: weight([4 * D, D]),
    downBias: weight([D], "zeros"),
  });
  return {
    embedding: weight([vocabulary, D]),
    outer: { positions: weight([context, D]), gain: weight([D], "ones"), bias: weight([D], "zeros") },
    layers: Array.from({ length: layers }, layer),
  };
}

function gptForward(jax: Jax, { heads, width: D, context: T, batch: B }: ModelSettings): Forward {
  const { numpy: np, nn } = jax;
  const norm = (x: JaxArray, gain: JaxArray, bias: JaxArray) =>
    nn.standardize(x, -1, { epsilon: 1e-5 }).mul(gain).add(bias);
  const attend = (x_BTD: JaxArray, p: Layer) => {
    const split = np.split(np.matmul(x_BTD, p.qkv!), 3, -1).map((part) => part.reshape([B, T, heads, D / heads]));
    const mixed_BTHK = nn.dotProductAttention(split[0]!, split[1]!, split[2]!, { isCausal: true });
    return np.matmul(mixed_BTHK.reshape([B, T, D]), p.out!);
  };
  const feed = (x_BTD: JaxArray, p: Layer) => {
    const hidden_BTF = nn.gelu(np.matmul(x_BTD, p.up!).add(p.upBias!), { approximate: false });
    return np.matmul(hidden_BTF, p.down!).add(p.downBias!);
  };
  const block = (x_BTD: JaxArray, p: Layer) => {
    const mixed_BTD = x_BTD.ref.add(attend(norm(x_BTD, p.mixerGain!, p.mixerBias!), p));
    return mixed_BTD.ref.add(feed(norm(mixed_BTD, p.channelGain!, p.channelBias!), p));
  };
  return ({ embedding, outer, layers }, ids_BT) => {
    const x_BTD = embed(jax, embedding.ref, ids_BT).add(outer.positions!);
    const y_BTD = norm(layers.reduce(block, x_BTD), outer.gain!, outer.bias!);
    return np.matmul(y_BTD, embedding.transpose());
  };
}

function lstmParams({ layers, width: D, vocabulary }: ModelSettings, weight: Weight): JaxParams {
  const layer = () => ({ input: weight([D, 4 * D]), state: weight([D, 4 * D]), bias: weight([4 * D], "zeros") });
  return { embedding: weight([vocabulary, D]), outer: {}, layers: Array.from({ length: layers }, layer) };
}

/** jax-js has no scan, so time is unrolled when the step is traced. */
function lstmForward(jax: Jax, { width: D, batch: B }: ModelSettings): Forward {
  const { numpy: np, nn } = jax;
  const cell = (gates: JaxArray, c: JaxArray) => {
    const [input, forget, candidate, output] = np.split(gates, 4, -1) as [JaxArray, JaxArray, JaxArray, JaxArray];
    const next = nn
      .sigmoid(forget)
      .mul(c)
      .add(nn.sigmoid(input).mul(np.tanh(candidate)));
    return { h: nn.sigmoid(output).mul(np.tanh(next.ref)), c: next };
  };
  const layer = (x_BTD: JaxArray, { input, state, bias }: Layer) => {
    let s = { h: np.zeros([B, D]), c: np.zeros([B, D]) };
    const outputs = np.unstack(np.matmul(x_BTD, input!).add(bias!), 1).map((projected) => {
      s = cell(projected.add(np.matmul(s.h, state!.ref)), s.c);
      return s.h.ref;
    });
    for (const spent of [s.h, s.c, state!]) spent.dispose();
    return np.stack(outputs, 1);
  };
  return ({ embedding, layers }, ids_BT) =>
    np.matmul(layers.reduce(layer, embed(jax, embedding.ref, ids_BT)), embedding.transpose());
}

/** One-hot products stand for look-ups: the gradient of `take` is a scatter, which `jit` does not compile. */
function embed({ numpy: np, nn }: Jax, table_CD: JaxArray, ids_BT: JaxArray): JaxArray {
  return np.matmul(nn.oneHot(ids_BT, table_CD.shape[0]!), table_CD);
}

function crossEntropy({ nn }: Jax, logits_BTC: JaxArray, targets_BT: JaxArray): JaxArray {
  const [B, T, C] = logits_BTC.shape as [number, number, number];
  return nn
    .logSoftmax(logits_BTC, -1)
    .mul(nn.oneHot(targets_BT, C))
    .sum()
    .div(-B * T);
}
