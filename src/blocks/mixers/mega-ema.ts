/**
 * Mega's moving average: every feature is spread over N damped exponential averages and gathered from them again.
 * Axes: B batch, T time, D features, N averages of each; columns [D, B, T].
 */
import { z } from "zod";
import { levelsOf, ltiScan, realSystem } from "../../ops/index.ts";
import { silu, type Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import { chunkOfPowerOfTwo } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { matrix, vector } from "../weights/declare.ts";
import { linear, value, type Weight, type Weights } from "../weights/use.ts";

const config = z.strictObject({
  averages: z.int().positive().default(16).describe("moving averages of each feature"),
  skip: z.boolean().default(true).describe("whether each feature itself is added, times a weight"),
  activation: z.enum(["silu", "none"]).default("silu").describe("nonlinearity after the averages"),
  project: z.boolean().default(true).describe("whether the output is projected; Mega's own part is not"),
  chunk: chunkOfPowerOfTwo(64),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, N: c.averages });
type Sizes = ReturnType<typeof dims>;

/** Starts of the authors: shares and dampings around σ(±0.2), alternating spread. */
const params = ({ D, N }: Sizes, { skip, project }: C) => ({
  share: vector([D, N], { kind: "normal", std: 0.2 }),
  damping: vector([D, N], { kind: "normal", std: 0.2 }),
  spread: vector([D, N], { kind: "normal", std: 1 }),
  gathered: vector([D, N], { kind: "normal", std: 1 / Math.sqrt(N) }),
  ...(skip && { skip: vector(D, { kind: "normal", std: 1 }) }),
  ...(project && { out: matrix(D, D, { init: "residual" }) }),
});

const state = ({ D, N }: Sizes) => ({ e: [D, N] });

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;

export const megaEma = defineMixer({
  kind: "mega-ema",
  title: "Multi-dimensional damped moving average (Mega)",
  cite: { arxiv: "2209.10655", by: "Ma et al. 2022" },
  patterns: ["multi-x", "moving-average"],
  equations: [
    "α = σ(share), δ = σ(damping)   (per feature and average)",
    "e_t = α ⊙ (spread · x_t) + (1 − α) ⊙ δ ⊙ e_{t−1};  y_t = gathered · e_t + skip · x_t",
    "out = W_out silu(y_t)",
  ],
  config,
  dims,
  params,
  tune: [{ key: "averages", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: recurrent,
  state,
  forward: mix,
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at)),
});

/** The averages of every feature as one linear system. */
export function averages(p: Record<"share" | "damping" | "spread" | "gathered", Weight>, levels: number) {
  const share = value(p.share).sigmoid();
  const decay = share.neg().add(1).mul(value(p.damping).sigmoid());
  return realSystem({ decay, input: share.mul(value(p.spread)), output: value(p.gathered) }, levels);
}

function mix(x_BTD: Tensor, { c, p, s, io }: At) {
  const { ys, s_CBS } = ltiScan({
    us: [x_BTD.transpose([2, 0, 1])],
    system: averages(p, levelsOf(c.chunk, x_BTD.dim(1))),
    s_CBS: s.e?.transpose([1, 0, 2]),
    mask_BT: io.mask_BT,
  });
  const averaged = ys[0]!.transpose([1, 2, 0]);
  const mixed = p.skip ? averaged.add(x_BTD.mul(value(p.skip))) : averaged;
  const active = c.activation === "silu" ? silu(mixed) : mixed;
  return { y: p.out ? linear(active, p.out) : active, s: { e: s_CBS.transpose([1, 0, 2]) } };
}
