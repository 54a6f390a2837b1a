/**
 * Gated DeltaNet with momentum: the error at a key goes into a momentum of its own, which moves the state: the linear memory of
 * Titans, whose surprise outlives the token that caused it. Axes: B batch, T time, D model, H heads of K key and V value channels,
 * C convolved channels, W taps; columns […features, B, T].
 */
import type { z } from "zod";
import {
  causalConv,
  causalConvStep,
  type MomentumInput,
  type MomentumResult,
  momentumDelta,
  momentumDeltaStep,
  toColumns,
} from "../../ops/index.ts";
import { logSigmoid, type Tensor, zeros } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import { chunkTokens } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { bias, matrix } from "../weights/declare.ts";
import { value, type Weights } from "../weights/use.ts";
import type { ConvolvedForm } from "./convolved-heads.ts";
import { atRealTokens, deltaHeads, headLogDecay, perHead, strengths } from "./deltanet-heads.ts";
import {
  type GatedDeltaSizes,
  gatedDeltaConfig,
  gatedDeltaDims,
  gatedDeltaParams,
  gatedDeltaState,
  gatedOutput,
} from "./gated-deltanet.ts";

const config = gatedDeltaConfig.omit({ negEigen: true, keyHeads: true }).extend({
  chunk: chunkTokens(32),
});
type C = z.infer<typeof config>;

const params = (d: GatedDeltaSizes) => ({
  ...gatedDeltaParams(d),
  momentum: matrix(d.D, d.H),
  momentumBias: bias(d.H),
});

const state = (d: GatedDeltaSizes) => ({ ...gatedDeltaState(d), M: [d.H, d.V, d.K] });

type At = MixerContext<C, GatedDeltaSizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;
type Form = ConvolvedForm<MomentumInput, MomentumResult>;

export const momentumDeltanet = defineMixer({
  kind: "momentum-deltanet",
  title: "Gated DeltaNet with momentum",
  cite: { arxiv: "2501.00663", by: "Behrouz et al. 2025, eq. 13–14, with a linear memory" },
  patterns: ["higher-order", "multi-x", "data-gating"],
  equations: [
    "[q, k, v] ← silu(conv(W x_t));  q ← q / (|q| √K);  k ← k / |k|;  η_t = σ(W_β x_t)",
    "a_t = exp(−e^logA softplus(W_a x_t + b)),  μ_t = σ(W_μ x_t + c)",
    "M_t = μ_t M_{t−1} + η_t (v_t − S_{t−1} k_t) k_tᵀ;  S_t = a_t S_{t−1} + (1 − μ_t) M_t;  o_t = S_t q_t",
    "out = W_out (RMSNorm(o_t) ⊙ silu(W_z x_t))",
  ],
  config,
  dims: gatedDeltaDims,
  params,
  tune: [
    { key: "valueSize", unit: 1 },
    { key: "keySize", unit: 1 },
  ],
  reads: ["mask_BT"],
  capabilities: recurrent,
  state,
  forward: (x_BTD, at) =>
    mix(x_BTD, at, { conv: causalConv, scan: (input) => momentumDelta({ ...input, chunk: at.c.chunk }) }),
  step: (x_BD, at) =>
    oneToken(x_BD, (x_BTD) =>
      mix(x_BTD, at, {
        conv: causalConvStep,
        scan: (input) => momentumDeltaStep({ ...input, s: input.s! }),
      }),
    ),
});

function mix(x_BTD: Tensor, { c, d, p, s, io }: At, form: Form) {
  const { q, k, v, conv } = deltaHeads(x_BTD, { weights: p, d, form, state_BCP: s.conv, io });
  const momentum = toColumns(x_BTD, value(p.momentum)).add(perHead(p.momentumBias));
  const written = strengths(x_BTD, p.beta, { negEigen: false, io });
  const { o_HVBT, s: next } = form.scan({
    q_HKBT: q,
    k_HKBT: k.mul(written.unsqueeze(1)),
    v_HVBT: v,
    probe_HKBT: k,
    logDecay_HBT: headLogDecay(x_BTD, p, io),
    logMomentum_HBT: atRealTokens(logSigmoid(momentum), io),
    rate_HBT: atRealTokens(momentum.neg().sigmoid(), io),
    s: startOf(x_BTD.dim(0), d, s),
  });
  return { y: gatedOutput(x_BTD, o_HVBT, { c, d, p }), s: { conv, S: next.S_BHVK, M: next.M_BHVK } };
}

/** Undefined where nothing is given. */
function startOf(B: number, { H, V, K }: GatedDeltaSizes, { S, M }: At["s"]): MomentumInput["s"] {
  if (!S && !M) return undefined;
  return { S_BHVK: S ?? zeros([B, H, V, K]), M_BHVK: M ?? zeros([B, H, V, K]) };
}
