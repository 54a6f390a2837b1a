import { z } from "zod";
import { strongestWaves } from "../../ops/index.ts";
import { defineMixer } from "../define.ts";

/**
 * Every feature over time as its strongest waves: what repeats stays, what does not goes.
 * Axes: B batch, T time, D model. `strongestWaves` also goes on behind the last token.
 */
export const frequencyAttention = defineMixer({
  kind: "frequency-attention",
  title: "Frequency attention (ETSformer)",
  cite: { arxiv: "2202.01381", by: "Woo et al. 2022, section 3.3" },
  equations: [
    "X_f = Σ_t x_t e^(−2πi f t / T);  y_t = 1/T Σ over the K frequencies of largest |X_f| of X_f e^(2πi f t / T)  (per feature)",
  ],
  config: z.strictObject({
    waves: z.int().positive().default(4).describe("frequencies kept of each feature, the mean among them"),
  }),
  dims: (_c, D: number) => ({ D }),
  params: () => ({}),
  tune: [],
  capabilities: {
    flow: "bidirectional",
    state: "none",
    // Which frequencies there are depends on the length.
    length: "fixed",
    batch: "independent",
    smooth: "away from ties",
    exact: "rounding",
  },
  state: () => ({}),
  forward: (x_BTD, { c }) => ({ y: strongestWaves(x_BTD, { count: c.waves }), s: {} }),
});
