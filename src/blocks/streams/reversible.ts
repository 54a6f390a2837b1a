import { z } from "zod";
import { concat } from "../../tensor/index.ts";
import { defineStreams } from "../define.ts";

/**
 * Two streams of which a sublayer reads one and adds to the other, by turns: y₁ = x₁ + F(x₂), y₂ = x₂ + G(y₁). Every
 * sublayer can be undone, so that what it read follows from what it left: training keeps the last streams only.
 */
export const reversible = defineStreams({
  kind: "reversible",
  title: "Reversible residual streams",
  cite: { arxiv: "1707.04585", by: "Gomez et al. 2017, eq. 6; in Transformers: Kitaev et al. 2020 (Reformer)" },
  patterns: ["multi-x"],
  equations: ["(x_1, x_2) ← (x_2, x_1 + F(x_2)),  both the embedding at first, their mean at last"],
  config: z.strictObject({}),
  dims: (_c, D) => ({ D }),
  count: () => 2,
  params: () => ({}),
  turn(x_SD) {
    const [first, second] = [x_SD.slice(-2, 0, 1), x_SD.slice(-2, 1, 2)];
    return { input: second.squeeze(-2), write: (y) => concat(-2, [second, first.add(y.unsqueeze(-2))]) };
  },
  undo(after_SD) {
    const [second, sum] = [after_SD.slice(-2, 0, 1), after_SD.slice(-2, 1, 2)];
    return { input: second.squeeze(-2), before: (y) => concat(-2, [sum.sub(y.unsqueeze(-2)), second]) };
  },
  close: (x_SD) => x_SD.mean(-2),
});
