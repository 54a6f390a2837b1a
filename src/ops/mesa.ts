/**
 * Mesa layer: the values a ridge regression over all keys so far would give for the query (von Oswald et al. 2025, eq. 4),
 *   H_t = a_t H_{t−1} + β_t k_t k_tᵀ,  G_t = a_t G_{t−1} + β_t v_t k_tᵀ,  o_t = G_t (H_t + diag Λ)⁻¹ q_t.
 * The system is solved by conjugate gradients, each of whose products H_t x_t, for all times at once, is a decay scan.
 * Axes: H heads, K key width, V value width, B batch, T time; columns […, B, T].
 */
import type { Tensor } from "../tensor/index.ts";
import { type DecayScanInput, type DecayScanResult, decayScan, decayStep } from "./decay-scan.ts";

export interface MesaInput {
  q_HKBT: Tensor;
  k_HKBT: Tensor;
  v_HVBT: Tensor;
  beta_HBT: Tensor;
  /** log a ≤ 0. */
  logDecay_HBT: Tensor;
  /** Λ > 0. */
  ridge_HK: Tensor;
  /** Iterations of conjugate gradients; K solve it exactly. */
  iterations: number;
  /** Absent means 0; its symmetric part counts. */
  H_BHKK?: Tensor | undefined;
  G_BHVK?: Tensor | undefined;
  /** Times per chunk (it changes rounding and speed only). */
  chunk?: number;
}

export interface MesaResult {
  o_HVBT: Tensor;
  /** After the last time. */
  H_BHKK: Tensor;
  G_BHVK: Tensor;
}

export const mesa = (input: MesaInput): MesaResult =>
  solve(input, (scan) => decayScan({ ...scan, ...(input.chunk !== undefined && { chunk: input.chunk }) }));

/** One time by the recurrence itself: columns with T = 1. */
export const mesaStep = (input: MesaInput): MesaResult => solve(input, decayStep);

function solve(input: MesaInput, scan: (input: DecayScanInput) => DecayScanResult): MesaResult {
  const { q_HKBT, k_HKBT, v_HVBT, beta_HBT, logDecay_HBT, H_BHKK, G_BHVK } = input;
  const beta = beta_HBT.unsqueeze(1);
  const common = { k_GKBT: k_HKBT, logDecay_HBT };
  const keys = { ...common, v_HVBT: k_HKBT.mul(beta), S_BHVK: H_BHKK && symmetric(H_BHKK) };
  const ridge = input.ridge_HK.unsqueeze(2).unsqueeze(3);
  const first = scan({ ...keys, q_GKBT: q_HKBT });
  const times = (x: Tensor) => scan({ ...keys, q_GKBT: x }).o_HVBT.add(x.mul(ridge));
  const x = conjugateGradients(times, q_HKBT, input.iterations);
  const read = scan({ ...common, q_GKBT: x, v_HVBT: v_HVBT.mul(beta), S_BHVK: G_BHVK });
  return { o_HVBT: read.o_HVBT, H_BHKK: first.S_BHVK, G_BHVK: read.S_BHVK };
}

/** What conjugate gradients take for granted, in rounding and in gradients. */
const symmetric = (H: Tensor): Tensor => H.add(H.swap(-1, -2)).div(2);

/** Keeps the quotients finite where the residual has vanished. */
const smallest = 1e-20;

/** x with A x = b for a symmetric positive A along axis 1, from x = 0 (Hestenes & Stiefel 1952). */
function conjugateGradients(times: (x: Tensor) => Tensor, b: Tensor, iterations: number): Tensor {
  const product = (u: Tensor, v: Tensor) => u.mul(v).sum(1, true);
  let [residual, direction] = [b, b];
  let size = product(b, b);
  let x: Tensor | undefined;
  for (let i = 0; i < iterations; i++) {
    const image = times(direction);
    const step = size.div(product(direction, image).add(smallest));
    const moved = direction.mul(step);
    x = x ? x.add(moved) : moved;
    if (i + 1 === iterations) break;
    residual = residual.sub(image.mul(step));
    const next = product(residual, residual);
    direction = residual.add(direction.mul(next.div(size.add(smallest))));
    size = next;
  }
  return x!;
}
