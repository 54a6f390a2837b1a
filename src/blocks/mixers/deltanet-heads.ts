/** What mixers with a matrix memory share: q, k, v by heads as columns […features, B, T], gates of heads, and the way out. */

import type { DeltaRuleInput, DeltaRuleResult } from "../../ops/index.ts";
import { toColumns, unitScale } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { Io } from "../define.ts";
import { matrix, tensor, vector } from "../weights/declare.ts";
import { value, type Weight } from "../weights/use.ts";
import { type ConvolvedForm, convolvedHeads } from "./convolved-heads.ts";
import { kernelInit, logRateInit, stepSizeInit } from "./mamba-init.ts";

interface HeadSizes {
  heads: number;
  keySize?: number | undefined;
  valueSize?: number | undefined;
  conv: number;
}

/** As many key heads as value heads, C channels of all of them to convolve. */
export function deltaDims({ heads: H, keySize, valueSize, conv }: HeadSizes, D: number) {
  const [K, V] = [keySize ?? D / H, valueSize ?? D / H];
  return { D, H, G: H, K, V, C: H * (2 * K + V), W: conv };
}

export const projectionParams = ({ D, H, K, V, C, W }: ReturnType<typeof deltaDims>) => ({
  q: matrix(D, H * K),
  k: matrix(D, H * K),
  v: matrix(D, H * V),
  conv: tensor([C, W], kernelInit(W)),
});

/** Of a decay per head, see {@link headLogDecay}. */
export const headDecayParams = ({ D, H }: { D: number; H: number }) => ({
  decay: matrix(D, H),
  decayBias: vector(H, stepSizeInit()),
  logA: vector(H, logRateInit()),
});

export type DeltaForm = ConvolvedForm<DeltaRuleInput, DeltaRuleResult>;

interface Projections {
  weights: { q: Weight; k: Weight; v: Weight; conv: Weight };
  /** Key heads, value heads, channels per key head. */
  d: { G: number; H: number; K: number };
  form: Pick<DeltaForm, "conv">;
  state_BCP: Tensor | undefined;
  io: Io;
}

/** q (unit length / √K), k (unit length) and v, each after convolution and silu; and the convolution's state. */
export function deltaHeads(x_BTD: Tensor, { weights, d, form, state_BCP, io }: Projections) {
  const parts = [
    { weight: weights.q, heads: d.G },
    { weight: weights.k, heads: d.G },
    { weight: weights.v, heads: d.H },
  ];
  const convolved = convolvedHeads(x_BTD, { parts, kernel: weights.conv, conv: form.conv, state_BCP, io });
  const [q, k, v] = convolved.heads as [Tensor, Tensor, Tensor];
  return { q: unitScale(q, 1).mul(d.K ** -0.5), k: unitScale(k, 1), v, conv: convolved.state_BCP };
}

/** Strengths of writing, in (0, 1) or (0, 2); 0 at padding. */
export function strengths(x_BTD: Tensor, weight: Weight, { negEigen, io }: { negEigen: boolean; io: Io }): Tensor {
  const beta = toColumns(x_BTD, value(weight)).sigmoid();
  return atRealTokens(negEigen ? beta.mul(2) : beta, io);
}

interface DecayWeights {
  decay: Weight;
  decayBias: Weight;
  logA: Weight;
}

/** −e^logA softplus(W_a x + b) per head, [H, B, T]; 0 at padding. */
export function headLogDecay(x_BTD: Tensor, { decay, decayBias, logA }: DecayWeights, io: Io): Tensor {
  const rate = toColumns(x_BTD, value(decay)).add(perHead(decayBias)).softplus();
  return atRealTokens(rate.mul(perHead(logA).exp().neg()), io);
}

/** A weight per head against columns [H, B, T]. */
export const perHead = (weight: Weight): Tensor => value(weight).reshape([-1, 1, 1]);

/** 0 at padding, which then neither decays nor writes the state. */
export const atRealTokens = (x_HBT: Tensor, { mask_BT }: Io): Tensor =>
  mask_BT ? x_HBT.mul(mask_BT.cast("f32")) : x_HBT;

/** The output matrix [H·V, D] times a norm's gain [V], which spares a pass over the columns. */
export const gainedRows = ({ out, norm }: { out: Weight; norm: Weight }, V: number): Tensor =>
  value(out)
    .reshape([-1, V, value(out).dim(1)])
    .mul(value(norm).unsqueeze(1))
    .reshape(value(out).shape);
