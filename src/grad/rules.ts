import {
  apply1,
  type BitOp,
  bitOps,
  type CompareOp,
  compareOps,
  type LogicOp,
  logicOps,
  type Op,
  where,
  zeros,
} from "../tensor/index.ts";
import { convGrad, convTransposeGrad } from "./conv.ts";
import { binaryRules, unaryRules, unbroadcast } from "./elementwise.ts";
import { crossEntropyGrad, geluGrad, siluGrad, softmaxGrad } from "./fused.ts";
import { concatGrad, gatherGrad, sliceGrad, topkGrad } from "./indexing.ts";
import { layerNormGrad, rmsNormGrad } from "./norms.ts";
import { matmulGrad, unitLowerInverseGrad } from "./products.ts";
import { recordedGrad } from "./recorded.ts";
import { keepAxes, reduceExtremum, reduceProdGrad } from "./reductions.ts";
import type { GradRule } from "./rule.ts";
import { scanGrad } from "./scan.ts";

const none = () => [undefined, undefined];
function zeroRules<K extends Op>(ops: readonly K[]): { [P in K]: GradRule<P> } {
  return Object.fromEntries(ops.map((op) => [op, none])) as unknown as { [P in K]: GradRule<P> };
}

/** Gradient rule of every op: the whole of automatic differentiation besides the walk in `vjp.ts`. */
export const gradRules: { [K in Op]: GradRule<K> } = {
  ...unaryRules(),
  ...binaryRules,
  ...zeroRules<CompareOp>(compareOps),
  ...zeroRules<LogicOp>(logicOps),
  ...zeroRules<BitOp>(bitOps),
  ...zeroRules(["not", "isNaN", "stopGradient", "argmax", "input", "constant"] as const),
  reduceSum: ({ inputs: [x], attrs: { axes }, g }) => [keepAxes(g, x!, axes).expand(x!.shape)],
  reduceMax: reduceExtremum,
  reduceMin: reduceExtremum,
  reduceProd: reduceProdGrad,
  cast: ({ inputs: [x], g }) => [x!.dtype === "f32" ? g.cast("f32") : undefined],
  where: ({ inputs: [condition, a, b], g }) => [
    undefined,
    unbroadcast(where(condition!, g, 0), a!.shape),
    unbroadcast(where(condition!, 0, g), b!.shape),
  ],
  matmul: matmulGrad,
  reshape: ({ inputs: [x], g }) => [g.reshape(x!.shape)],
  transpose: ({ attrs: { perm }, g }) => [g.transpose(perm.map((_, axis) => perm.indexOf(axis)))],
  expand: ({ inputs: [x], g }) => [unbroadcast(g, x!.shape)],
  concat: concatGrad,
  slice: sliceGrad,
  pad: ({ inputs: [x], attrs: { before }, g }) => [
    x!.shape.reduce((t, dim, axis) => t.slice(axis, before[axis]!, before[axis]! + dim), g),
  ],
  flip: ({ attrs, g }) => [apply1("flip", [g], attrs)],
  gather: gatherGrad,
  gatherElements: ({ inputs: [data, indices], attrs: { axis }, g }) => [
    zeros(data!.shape).scatterAdd(axis, indices!, g),
    undefined,
  ],
  scatterAdd: ({ inputs: [, indices], attrs: { axis }, g }) => [g, undefined, g.gatherElements(axis, indices!)],
  topk: topkGrad,
  cumsum: ({ attrs: { axis, exclusive, reverse }, g }) => [g.cumsum(axis, { exclusive, reverse: !reverse })],
  conv: convGrad,
  convTranspose: convTransposeGrad,
  scan: scanGrad,
  softmax: softmaxGrad,
  logSoftmax: ({ outputs: [y], attrs: { axis }, g }) => [g.sub(y!.exp().mul(g.sum(axis, true)))],
  layerNorm: layerNormGrad,
  rmsNorm: rmsNormGrad,
  gelu: geluGrad,
  silu: siluGrad,
  softmaxCrossEntropy: crossEntropyGrad,
  unitLowerInverse: unitLowerInverseGrad,
  linearAttention: recordedGrad,
  custom: ({ inputs, outputs: [y], attrs: { backward }, g }) => [...backward({ inputs, y: y!, g })],
};
