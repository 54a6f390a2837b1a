/**
 * The benched models in TensorFlow.js. Products run on `[B·T, D]` matrices, for which its kernels are fastest.
 * Axes: B batch, T time, D width, H heads, K width per head, F hidden, C vocabulary.
 */
import type { ModelSettings } from "../train-step/models.ts";
import { type Start, weightSource } from "./initial-weights.ts";
import type { Tf, TfTensor, TfVariable } from "./tfjs-api.ts";

type Layer = Record<string, TfVariable>;
type Weight = (shape: number[], start?: Start) => TfVariable;

/** A model as TensorFlow.js trains it; `loss` is the mean cross-entropy in nats per token. */
export interface TfModel {
  variables: TfVariable[];
  loss(ids_BT: TfTensor, targets_BT: TfTensor): TfTensor;
}

/** Builds a model of the families TensorFlow.js is benched on. */
export function tfModel(tf: Tf, model: ModelSettings & { family: "gpt" | "lstm" }): TfModel {
  const draw = weightSource();
  const variables: TfVariable[] = [];
  const weight: Weight = (shape, start = "normal") => {
    const values = draw(
      shape.reduce((size, axis) => size * axis, 1),
      start,
    );
    const variable = tf.variable(tf.tensor(values, shape));
    variables.push(variable);
    return variable;
  };
  const embedding = weight([model.vocabulary, model.width]);
  const body = { gpt: gptBody, lstm: lstmBody }[model.family](tf, model, weight);
  const oneHot = (ids_BT: TfTensor) => tf.oneHot(ids_BT.reshape([-1]), model.vocabulary);
  // One-hot products stand for look-ups: the gradient of `gather` needs a kernel that the wasm backend lacks.
  const loss = (ids_BT: TfTensor, targets_BT: TfTensor) => {
    const logits_RC = body(oneHot(ids_BT).matMul(embedding)).matMul(embedding, false, true);
    return logits_RC
      .logSoftmax(-1)
      .mul(oneHot(targets_BT))
      .sum()
      .div(-model.batch * model.context);
  };
  return { variables, loss };
}

/** Rows `[B·T, D]` to rows `[B·T, D]`. */
type Body = (x_RD: TfTensor) => TfTensor;

function gptBody(tf: Tf, model: ModelSettings, weight: Weight): Body {
  const { layers, width: D, batch: B, context: T } = model;
  const blocks = Array.from({ length: layers }, () => gptBlock(tf, model, weight));
  const positions_TD = weight([T, D]);
  const norm = layerNorm(D, weight);
  return (x_RD) => {
    const placed = x_RD.reshape([B, T, D]).add(positions_TD).reshape([-1, D]);
    return norm(blocks.reduce((x, block) => block(x), placed));
  };
}

function gptBlock(tf: Tf, model: ModelSettings, weight: Weight): Body {
  const D = model.width;
  const norms = [layerNorm(D, weight), layerNorm(D, weight)] as const;
  const attend = attention(tf, model, weight);
  const [up, upBias, down, downBias] = [
    weight([D, 4 * D]),
    weight([4 * D], "zeros"),
    weight([4 * D, D]),
    weight([D], "zeros"),
  ];
  const feed = (x_RD: TfTensor) => gelu(x_RD.matMul(up).add(upBias)).matMul(down).add(downBias);
  return (x_RD) => {
    const mixed_RD = x_RD.add(attend(norms[0](x_RD)));
    return mixed_RD.add(feed(norms[1](mixed_RD)));
  };
}

function attention(tf: Tf, { width: D, heads, batch: B, context: T }: ModelSettings, weight: Weight): Body {
  const [qkv, out] = [weight([D, 3 * D]), weight([D, D])];
  const mask_TT = causalMask(tf, T);
  const K = D / heads;
  const toHeads = (x_RD: TfTensor) => x_RD.reshape([B, T, heads, K]).transpose([0, 2, 1, 3]);
  return (x_RD) => {
    const [q, k, v] = tf.split(x_RD.matMul(qkv), 3, 1).map(toHeads) as [TfTensor, TfTensor, TfTensor];
    const weights_BHTT = q
      .matMul(k, false, true)
      .mul(K ** -0.5)
      .add(mask_TT)
      .softmax(-1);
    return weights_BHTT.matMul(v).transpose([0, 2, 1, 3]).reshape([-1, D]).matMul(out);
  };
}

function causalMask(tf: Tf, T: number): TfTensor {
  const values = Float32Array.from({ length: T * T }, (_, i) => (i % T > Math.floor(i / T) ? -1e9 : 0));
  return tf.tensor(values, [T, T]);
}

function layerNorm(D: number, weight: Weight): Body {
  const [gain, bias] = [weight([D], "ones"), weight([D], "zeros")];
  return (x_RD) => {
    const centred = x_RD.sub(x_RD.mean(-1, true));
    return centred.mul(centred.square().mean(-1, true).add(1e-5).rsqrt()).mul(gain).add(bias);
  };
}

const gelu = (x: TfTensor): TfTensor => x.mul(x.mul(Math.SQRT1_2).erf().add(1)).mul(0.5);

function lstmBody(tf: Tf, { layers, width: D, batch: B, context: T }: ModelSettings, weight: Weight): Body {
  const stack = Array.from({ length: layers }, () => ({
    input: weight([D, 4 * D]),
    state: weight([D, 4 * D]),
    bias: weight([4 * D], "zeros"),
  }));
  const layer = (x_RD: TfTensor, { input, state, bias }: Layer) => {
    let s = { h: tf.zeros([B, D]), c: tf.zeros([B, D]) };
    const projected_BTG = x_RD
      .matMul(input!)
      .add(bias!)
      .reshape([B, T, 4 * D]);
    const outputs = tf.unstack(projected_BTG, 1).map((gates) => {
      s = lstmCell(tf, gates.add(s.h.matMul(state!)), s.c);
      return s.h;
    });
    return tf.stack(outputs, 1).reshape([-1, D]);
  };
  return (x_RD) => stack.reduce(layer, x_RD);
}

function lstmCell(tf: Tf, gates: TfTensor, c: TfTensor): { h: TfTensor; c: TfTensor } {
  const [input, forget, candidate, output] = tf.split(gates, 4, 1) as [TfTensor, TfTensor, TfTensor, TfTensor];
  const next = forget.sigmoid().mul(c).add(input.sigmoid().mul(candidate.tanh()));
  return { h: output.sigmoid().mul(next.tanh()), c: next };
}
