import { z } from "zod";
import { definePosition } from "../define.ts";
import { anglesOf } from "./angles.ts";
import { gridOptions, gridPlaces } from "./grid-places.ts";
import { pairsOf, quarterTurn } from "./rope-pairs.ts";

/**
 * Rotary positions on a grid: half of a head's pairs of features turn by the row, the others by the column, so that scores
 * depend on distances along both axes. Axes: B batch, H heads, T tokens, K head size.
 */
export const rope2d = definePosition({
  kind: "rope-2d",
  title: "Rotary positions on a grid (axial)",
  cite: { arxiv: "2403.13298", by: "Heo et al. 2024, section 3.2; Fang et al. 2023 (EVA-02)" },
  equations: [
    "(x_a, x_b) ← (x_a cos φ − x_b sin φ, x_b cos φ + x_a sin φ)",
    "φ = r θ_i for the first K/4 pairs, s θ_i for the others,  θ_i = base^(−4i/K),  i = 0 … K/4 − 1",
    "tokens in front of the grid do not turn",
  ],
  config: z.strictObject({
    base: z.number().positive().default(100).describe("θ: ratio of the longest to the shortest wavelength"),
    layout: z
      .enum(["halves", "interleaved"])
      .default("halves")
      .describe("halves: feature i pairs with i + K/2; interleaved: 2i pairs with 2i + 1"),
    ...gridOptions,
  }),
  dims: (_c, K) => ({ K, waves: K / 4 }),
  params: () => ({}),
  rotate(x_BHTK, positions_BT, { c, d, io }) {
    const { row, column } = gridPlaces(positions_BT, { c, io });
    const pairing = pairsOf({ K: d.K, pairs: d.K / 2 }, c.layout);
    const wavesOf = (along: "row" | "column") =>
      pairing.map(({ pair }) => ({
        frequency: pair < d.waves === (along === "row") ? c.base ** (-(pair % d.waves) / d.waves) : 0,
      }));
    const angles = (place: typeof row, along: "row" | "column") =>
      anglesOf(place.unsqueeze(1).unsqueeze(-1), wavesOf(along));
    const angles_BHTK = angles(row, "row").add(angles(column, "column"));
    const turned = x_BHTK.matmul(quarterTurn(pairing));
    return x_BHTK.mul(angles_BHTK.cos()).add(turned.mul(angles_BHTK.sin()));
  },
});
