import { z } from "zod";
import { definePosition } from "../define.ts";
import { anglesOf, type Wave } from "./angles.ts";

/** Fixed sinusoids of geometrically falling frequency, added to the embeddings; any position, no parameters. */
export const sinusoidal = definePosition({
  kind: "sinusoidal",
  title: "Sinusoidal positions",
  cite: { arxiv: "1706.03762", by: "Vaswani et al. 2017" },
  equations: ["y_t = x_t + P[t]", "P[t, 2i] = sin(t / base^(2i/D))", "P[t, 2i+1] = cos(t / base^(2i/D))"],
  config: z.strictObject({
    base: z.number().positive().default(10_000).describe("ratio of the longest to the shortest wavelength"),
    layout: z
      .enum(["interleaved", "halves"])
      .default("interleaved")
      .describe("interleaved: sin and cos alternate, as in the paper; halves: all sines, then all cosines"),
  }),
  dims: (_c, D) => ({ D, pairs: D / 2 }),
  params: () => ({}),
  embed(x_BTD, positions_BT, { c, d }) {
    const features = Array.from({ length: d.D }, (_, feature) => waveOf(feature, { ...c, ...d }));
    return x_BTD.add(anglesOf(positions_BT.unsqueeze(-1), features).sin());
  },
});

function waveOf(
  feature: number,
  { base, layout, pairs }: { base: number; layout: "interleaved" | "halves"; pairs: number },
): Wave {
  const [pair, quarters] =
    layout === "interleaved" ? [feature >> 1, feature % 2] : [feature % pairs, feature < pairs ? 0 : 1];
  return { frequency: base ** (-pair / pairs), quarters };
}
