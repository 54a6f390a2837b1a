/**
 * Feed-forward sequential memory: every feature remembers a few earlier and later values of itself, weighted tap by tap, with no
 * recurrence. Axes: B batch, T time, D model, P features of the memory, K taps; columns [P, B, T].
 */
import { z } from "zod";
import { fromColumns, timeWindows, toColumns } from "../../ops/index.ts";
import { type Tensor, where } from "../../tensor/index.ts";
import { defineMixer, type MixerContext } from "../define.ts";
import { oneToken } from "../one-token.ts";
import { bias, matrix, vector } from "../weights/declare.ts";
import { value, type Weights } from "../weights/use.ts";

const config = z.strictObject({
  hidden: z.int().positive().optional().describe("features of the memory (default: the model width)"),
  past: z.int().positive().default(10).describe("earlier values under a memory"),
  future: z.int().min(0).default(0).describe("later values under it; any, and nothing decodes"),
  pastStride: z.int().positive().default(1).describe("tokens from one earlier value to the next"),
  futureStride: z.int().positive().default(1).describe("tokens from one later value to the next"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, P: c.hidden ?? D, taps: c.past + 1 });
type Sizes = ReturnType<typeof dims>;

const params = ({ D, P, taps }: Sizes, { future }: C) => ({
  in: matrix(D, P),
  inBias: bias(P),
  behind: vector([P, taps], { kind: "normal", std: 1 / Math.sqrt(taps + future) }),
  ...(future > 0 && { ahead: vector([P, future], { kind: "normal", std: 1 / Math.sqrt(taps + future) }) }),
  out: matrix(P, D, { init: "residual" }),
  outBias: bias(D),
});

const decodes = ({ future }: C) => future === 0;
const state = ({ P }: Sizes, c: C): { before?: number[] } => (decodes(c) ? { before: [P, c.past * c.pastStride] } : {});

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, { before?: Tensor | undefined }>;

export const fsmn = defineMixer({
  kind: "fsmn",
  title: "Feed-forward sequential memory (FSMN)",
  cite: { arxiv: "1803.05030", by: "Zhang et al. 2018 (DFSMN), eq. 4; Zhang et al. 2015" },
  patterns: ["moving-average"],
  equations: [
    "p_t = x_t W + b",
    "p̃_t = p_t + Σ_{i=0…N} a_i ⊙ p_{t−s₁i} + Σ_{j=1…M} c_j ⊙ p_{t+s₂j}",
    "y_t = p̃_t W_o + b_o",
  ],
  config,
  dims,
  params,
  tune: [
    { key: "hidden", unit: 1 },
    { key: "past", unit: 1 },
  ],
  reads: ["mask_BT"],
  capabilities: (c) => ({
    flow: decodes(c) ? "causal" : "bidirectional",
    state: decodes(c) ? "finite" : "none",
    length: "any",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  }),
  state,
  forward: mix,
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at)),
});

function mix(x_BTD: Tensor, { c, d, p, s, io }: At) {
  const p_PBT = toColumns(x_BTD, value(p.in)).add(value(p.inBias).reshape([d.P, 1, 1]));
  const { windows, state_BCP } = timeWindows({
    x_CBT: p_PBT,
    taps: d.taps,
    dilation: c.pastStride,
    causal: true,
    state_BCP: s.before,
    mask_BT: io.mask_BT,
  });
  const earlier = windows
    .reshape([d.taps, ...p_PBT.shape])
    .mul(weightOfTaps(value(p.behind)))
    .sum(0);
  const remembered = p_PBT.add(earlier);
  const all = p.ahead ? remembered.add(later(p_PBT, value(p.ahead), { c, mask_BT: io.mask_BT })) : remembered;
  return {
    y: fromColumns(all, value(p.out)).add(value(p.outBias)),
    s: decodes(c) ? { before: state_BCP } : {},
  };
}

/** [P, K], the nearest value first, as [K, P, 1, 1], the farthest first. */
const weightOfTaps = (taps_PK: Tensor): Tensor =>
  taps_PK
    .flip(1)
    .transpose([1, 0])
    .reshape([taps_PK.dim(1), taps_PK.dim(0), 1, 1]);

/** Σ_j c_j ⊙ p_{t+s₂j}; beyond the last real token there is nothing. */
function later(p_PBT: Tensor, ahead_PM: Tensor, { c, mask_BT }: { c: C; mask_BT: Tensor | undefined }): Tensor {
  const T = p_PBT.dim(2);
  const real = mask_BT ? where(mask_BT, p_PBT, 0) : p_PBT;
  const padded = real.pad(2, 0, c.future * c.futureStride);
  const terms = Array.from({ length: c.future }, (_, j) => {
    const start = (j + 1) * c.futureStride;
    return padded.slice(2, start, start + T).mul(ahead_PM.slice(1, j, j + 1).unsqueeze(2));
  });
  return terms.reduce((sum, term) => sum.add(term));
}
