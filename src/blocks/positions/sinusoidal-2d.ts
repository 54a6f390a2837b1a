import { z } from "zod";
import { concat, where } from "../../tensor/index.ts";
import { definePosition } from "../define.ts";
import { anglesOf } from "./angles.ts";
import { gridOptions, gridPlaces } from "./grid-places.ts";

/** Fixed sinusoids of the column in the first half of the features and of the row in the second, added to the embeddings. */
export const sinusoidal2d = definePosition({
  kind: "sinusoidal-2d",
  title: "Sinusoidal positions on a grid",
  cite: { arxiv: "2111.06377", by: "He et al. 2022 (MAE); Chen et al. 2021, arXiv 2104.02057 (MoCo v3)" },
  equations: [
    "y_rs = x_rs + [sin(s ω), cos(s ω), sin(r ω), cos(r ω)],  ω_i = base^(−4i/D),  i = 0 … D/4 − 1",
    "tokens in front of the grid stay as they are",
  ],
  config: z.strictObject({
    base: z.number().positive().default(10_000).describe("ratio of the longest to the shortest wavelength"),
    ...gridOptions,
  }),
  dims: (_c, D) => ({ D, waves: D / 4 }),
  params: () => ({}),
  embed(x_BTD, positions_BT, { c, d, io }) {
    const { row, column, placed } = gridPlaces(positions_BT, { c, io });
    const waves = Array.from({ length: 2 * d.waves }, (_, i) => ({
      frequency: c.base ** (-(i % d.waves) / d.waves),
      quarters: i < d.waves ? 0 : 1,
    }));
    const [across, down] = [column, row].map((place) => anglesOf(place.unsqueeze(-1), waves).sin());
    const table = concat(2, [across!, down!]);
    return x_BTD.add(placed ? where(placed.unsqueeze(-1), table, 0) : table);
  },
});
