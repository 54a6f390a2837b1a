/**
 * Comba: a gated DeltaNet whose correction reads the state by a weakened key before it decays, and whose query is corrected by
 * the key it has just written.
 * Axes: B batch, T time, D model, G key heads of K channels, H value heads of V channels (head h reads key head ⌊h·G/H⌋),
 * C convolved channels, W taps; columns are […features, B, T].
 */
import type { z } from "zod";
import { causalConv, causalConvStep, deltaRule, deltaStep } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import { oneToken } from "../one-token.ts";
import { vector } from "../weights/declare.ts";
import { value, type Weight, type Weights } from "../weights/use.ts";
import { type DeltaForm, deltaHeads, headLogDecay, strengths } from "./deltanet-heads.ts";
import {
  type GatedDeltaSizes,
  gatedDeltaConfig,
  gatedDeltaDims,
  gatedDeltaParams,
  gatedDeltaState,
  gatedOutput,
} from "./gated-deltanet.ts";

const config = gatedDeltaConfig.omit({ negEigen: true });

/** The inner decay starts near 1, the correction of queries at 0: a gated DeltaNet that probes before it decays. */
const params = (d: GatedDeltaSizes) => ({ ...gatedDeltaParams(d), inner: vector(d.G, 5), correction: vector(d.G) });

type At = MixerContext<
  z.infer<typeof config>,
  GatedDeltaSizes,
  Weights<ReturnType<typeof params>>,
  MaybeState<ReturnType<typeof gatedDeltaState>>
>;

export const comba = defineMixer({
  kind: "comba",
  title: "Comba",
  cite: { arxiv: "2506.02475", by: "Hu et al. 2025" },
  patterns: ["higher-order", "multi-x", "data-gating"],
  equations: [
    "[q, k, v] ← silu(conv(W x_t));  q ← q / |q|;  k ← k / |k|;  p = σ(inner) k",
    "a_t = exp(−e^logA softplus(W_a x_t + b));  β_t = σ(W_β x_t)",
    "S_t = a_t S_{t−1} + β_t (v_t − S_{t−1} p_t) k_tᵀ;  o_t = S_t (q_t − correction · k_t) / √K",
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
  state: gatedDeltaState,
  forward: (x_BTD, at) =>
    mix(x_BTD, at, { conv: causalConv, scan: (input) => deltaRule({ ...input, chunk: at.c.chunk }) }),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, { conv: causalConvStep, scan: deltaStep })),
});

function mix(x_BTD: Tensor, { c, d, p, s, io }: At, form: DeltaForm) {
  const { q, k, v, conv } = deltaHeads(x_BTD, { weights: p, d, form, state_BCP: s.conv, io });
  const perKeyHead = (weight: Weight) => value(weight).reshape([-1, 1, 1, 1]);
  const { o_HVBT, S_BHVK } = form.scan({
    q_GKBT: q.sub(k.mul(perKeyHead(p.correction).mul(d.K ** -0.5))),
    k_GKBT: k,
    probe_GKBT: k.mul(perKeyHead(p.inner).sigmoid()),
    probes: "before-decay",
    v_HVBT: v,
    beta_HBT: strengths(x_BTD, p.beta, { negEigen: false, io }),
    logDecay_HBT: headLogDecay(x_BTD, p, io),
    S_BHVK: s.S,
  });
  return { y: gatedOutput(x_BTD, o_HVBT, { c, d, p }), s: { conv, S: S_BHVK } };
}
