/** Options of attention beyond the common ones, each against its own equation. */
import { mixerSuite } from "../../testing/index.ts";
import { attention } from "./attention.ts";
import { naiveAttention } from "./attention-naive.ts";

mixerSuite(attention, {
  configs: [
    { heads: 2, valueSize: 3, score: "bilinear", clip: 0.8, positions: { kind: "rope", xpos: 64 } },
    { heads: 2, kvHeads: 1, score: "additive", memory: 2 },
    { heads: 2, kvHeads: 1, score: "additive", scoreHidden: 3 },
    { heads: 4, kvHeads: 2, score: "distance", zeroKey: true },
    { heads: 4, kvHeads: 2, qkNorm: "layer", normGain: "per-head", normOffset: false, valueNorm: true },
    { heads: 2, qkNorm: "rms", normGain: "none", normAfterPositions: true, positions: { kind: "rope" } },
    { heads: 2, qkNorm: "l2", normGroups: 2, lengthScale: { every: 2, slope: 0.5 } },
    { heads: 4, kvHeads: 2, positions: { kind: "pope" }, gate: "head" },
    {
      heads: 2,
      positions: { kind: "projected-bias", basis: 3, maxDistance: 4 },
      gate: "feature",
      gateActivation: "silu",
    },
    { heads: 4, kvHeads: 2, positions: { kind: "relative", maxDistance: 3 } },
    { heads: 4, kvHeads: 2, window: 4, scale: 0.2, positions: { kind: "disentangled", maxDistance: 6, buckets: 4 } },
    { heads: 2, positions: { kind: "transformer-xl", maxDistance: 7 } },
    { heads: 2, pattern: { kind: "chunk", size: 3, back: 1 }, headScale: true },
    { heads: 2, causal: false, pattern: { kind: "chunk", size: 4, ahead: 1 }, outGate: true },
    { heads: 2, pattern: { kind: "strided", stride: 3 }, gate: "output" },
    { heads: 2, pattern: { kind: "fixed", stride: 4, summary: 1 } },
    { heads: 2, pattern: { kind: "dilated", keys: 3, dilation: 2 } },
    { heads: 2, weights: "sigmoid", outGate: true, outBias: true },
    { heads: 2, weights: "signed" },
    { heads: 2, weights: "stick-breaking" },
    { heads: 2, topK: 2 },
    { heads: 2, dynamicMask: 3, kvHeads: 1 },
    { heads: 2, contextualPositions: 3 },
    { heads: 2, selective: true },
    { heads: 4, kvHeads: 2, talkingHeads: "both" },
    { heads: 2, talkingHeads: "both", talkingBias: true },
    { heads: 2, talkingHeads: "gate" },
    { heads: 2, laser: 5 },
    { heads: 2, scoreResidual: true, causal: false },
  ] as never,
  naive: naiveAttention as never,
});
