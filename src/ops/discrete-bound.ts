/**
 * Terms of the variational bound of discrete diffusion with a network that predicts p(x₀) (Austin et al. 2021, arXiv 2107.03006,
 * eq. 1 and 4): KL(q(x_s | x_t, x₀) ‖ p(x_s | x_t)), p(x_s | x_t) ∝ q(x_t | x_s)·Σ_x₀ q(x_s | x₀)·p(x₀), from a time t back to an
 * earlier time s. With ᾱ_0 = 1 the step back to time 0 is −log p(x₀ | x_1), so that one formula holds for every step.
 * Axes: B sequences, T tokens, C classes.
 */
import { iota, softmaxCrossEntropy, type Tensor, where } from "../tensor/index.ts";
import { oneHot } from "./indexing.ts";

export interface BoundTerm {
  /** i32 [B, T]: the text, and what is left of it at time t. */
  x0: Tensor;
  x_t: Tensor;
  /** ᾱ_s and ᾱ_t, f32 [B, 1]: what is kept until the earlier and until the later time. */
  before: Tensor;
  through: Tensor;
}

/**
 * Nats [B, T] of absorbing diffusion, where tokens become class `mask` and stay it: 0 at tokens that are not masked. logits
 * [B, T, C]; `scored` says that the mask itself may have a probability, which else must be impossible in the logits.
 */
export function absorbingTerm(
  logits: Tensor,
  { x0, x_t, before, through, mask, scored = false }: BoundTerm & { mask: number; scored?: boolean },
): Tensor {
  const revealed = before.sub(through).div(through.neg().add(1));
  const nats = softmaxCrossEntropy(logits, x0).mul(revealed);
  const masked = x_t.equal(mask);
  if (!scored) return where(masked, nats, 0);
  const p_mask = logits.softmax(-1).at(-1, mask);
  // log of Σ_x₀ q(mask | x₀)·p(x₀), less its value without a probability of the mask.
  const excess = (kept: Tensor) =>
    p_mask
      .mul(kept.div(kept.neg().add(1).maximum(1e-30)))
      .add(1)
      .log();
  const stays = revealed.neg().add(1);
  const least = where(before.less(1), excess(where(before.less(1), before, 0)), 0);
  return where(masked, nats.add(excess(through)).sub(stays.mul(least)), 0);
}

/** Nats [B, T] of uniform diffusion, where tokens become any of the C classes alike. logits [B, T, C]. */
export function uniformTerm(logits: Tensor, { x0, x_t, before, through }: BoundTerm): Tensor {
  const C = logits.dim(-1);
  const logP = logits.logSoftmax(-1);
  const [start, end] = [oneHot(x0, C), oneHot(x_t, C)];
  const spread = (kept: Tensor) => kept.neg().add(1).div(C).unsqueeze(-1);
  const step = through.div(before);
  const reached = through.unsqueeze(-1).mul(end).add(spread(through));
  const ofStart = before.unsqueeze(-1).mul(start).add(spread(before));
  const leads = step.unsqueeze(-1).mul(end).add(spread(step));
  const Zq = reached.mul(start).sum(-1, true);
  const q = leads.mul(ofStart).div(Zq);
  // log(spread + ᾱ_s·p) without leaving the logarithm, where p may be too small for a float.
  const kept = logP.add(before.unsqueeze(-1).log());
  const ofModel = kept.add(spread(before).maximum(tiny).log().sub(kept).softplus());
  const Zp = through.unsqueeze(-1).mul(logP.exp().mul(end).sum(-1, true)).add(spread(through));
  const nats = q.mul(ofStart.maximum(tiny).log().sub(ofModel)).sum(-1, true);
  return nats.add(Zp.log().sub(Zq.log())).squeeze(-1);
}

/** Stands for probabilities of 0, which weigh 0 wherever their logarithm is read. */
const tiny = 1e-30;

/** Scores with one class made impossible. */
export const withoutClass = (logits: Tensor, id: number): Tensor => where(iota(logits.dim(-1)).equal(id), -1e6, logits);
