import { z } from "zod";
import { constant, type Tensor } from "../../tensor/index.ts";
import { type ChannelContext, definePosition } from "../define.ts";
import { anglesOf } from "./angles.ts";
import { pairsOf, quarterTurn } from "./rope-pairs.ts";
import { frequenciesOf, type RopeScaling, scalingConfig } from "./rope-scaling.ts";

/**
 * Rotary positions: pairs of query and key features are turned by position · θ_i, so that scores depend on distances.
 * Axes: B batch, H heads, T time, K head size.
 */
export const rope = definePosition({
  kind: "rope",
  title: "Rotary positions (RoPE)",
  cite: { arxiv: "2104.09864", by: "Su et al. 2021" },
  equations: [
    "(x_a, x_b) ← (x_a cos φ − x_b sin φ, x_b cos φ + x_a sin φ),  φ = t θ_i",
    "θ_i = base^(−2i/R),  R = rotated features",
    "⟨R_m q, R_n k⟩ depends on m − n only",
    "xPos: q_i ← q_i ζ_i^(t/xpos), k_i ← k_i ζ_i^(−t/xpos),  ζ_i = (2i/R + 0.4) / 1.4",
  ],
  config: z.strictObject({
    base: z.number().positive().default(10_000).describe("θ: ratio of the longest to the shortest wavelength"),
    rotaryFraction: z
      .number()
      .positive()
      .max(1)
      .default(1)
      .describe("share of a head's features that rotate, the first ones"),
    layout: z
      .enum(["halves", "interleaved"])
      .default("halves")
      .describe("halves: feature i pairs with i + R/2 (Llama); interleaved: 2i pairs with 2i + 1 (the paper, GPT-J)"),
    scaling: scalingConfig,
    xpos: z
      .number()
      .positive()
      .optional()
      .describe(
        "tokens over which scores fade by xPos (Sun et al. 2022), 512 there; at most 60 times as many can be told apart in f32 (default: they do not fade)",
      ),
  }),
  dims: (c, K) => ({ K, pairs: nearlyWhole((K * c.rotaryFraction) / 2) }),
  params: () => ({}),
  rotate(x_BHTK, positions_BT, { c, d, side }: RotationContext) {
    const { frequencies, amplitude } = frequenciesOf({ base: c.base, pairs: d.pairs }, c.scaling);
    const pairing = pairsOf(d, c.layout);
    const feature = (rotated: (pair: number) => number, other: number) =>
      pairing.map(({ pair }) => (pair < 0 ? other : rotated(pair)));
    const waves = feature((pair) => frequencies[pair]!, 0).map((frequency) => ({ frequency }));
    const angles_BHTK = anglesOf(positions_BT.unsqueeze(1).unsqueeze(-1), waves);
    const scaled = (t: Tensor) =>
      amplitude === 1
        ? t
        : t.mul(
            constant(
              feature(() => amplitude, 1),
              [d.K],
            ),
          );
    const turned = x_BHTK.matmul(quarterTurn(pairing));
    const rotated = x_BHTK.mul(scaled(angles_BHTK.cos())).add(turned.mul(scaled(angles_BHTK.sin())));
    if (c.xpos === undefined) return rotated;
    const rates = feature((pair) => Math.log((pair / d.pairs + 0.4) / 1.4) / c.xpos!, 0);
    return rotated.mul(fading(positions_BT, side === "key" ? rates.map((rate) => -rate) : rates));
  },
});

interface RopeOptions {
  base: number;
  rotaryFraction: number;
  layout: "halves" | "interleaved";
  scaling: RopeScaling;
  xpos?: number | undefined;
}

/** A rotation may be told whose features it turns; only xPos asks. Default query. */
type RotationContext = ChannelContext<RopeOptions, { K: number; pairs: number }, Record<never, never>> & {
  side?: "query" | "key";
};

/** e^(rate·position) by feature: positions i32 [B, T] → [B, 1, T, K]. */
const fading = (positions_BT: Tensor, rates: readonly number[]): Tensor =>
  positions_BT
    .cast("f32")
    .unsqueeze(1)
    .unsqueeze(-1)
    .mul(constant(rates, [rates.length]))
    .exp();

/** 0.3 · 20 is not 6 in binary; anything farther from whole is the user's. */
const nearlyWhole = (x: number): number => (Math.abs(x - Math.round(x)) < 1e-9 ? Math.round(x) : x);
