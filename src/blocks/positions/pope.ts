import { z } from "zod";
import { concat, type Tensor } from "../../tensor/index.ts";
import { type ChannelContext, definePosition } from "../define.ts";
import { vector } from "../weights/declare.ts";
import { value, type Weights } from "../weights/use.ts";
import { anglesOf } from "./angles.ts";

const config = z.strictObject({
  base: z.number().positive().default(10_000).describe("θ: ratio of the longest to the shortest wavelength"),
});
const dims = (_c: unknown, K: number, _heads?: number, around?: { kvHeads: number }) => ({
  K,
  rotated: 2 * K,
  G: around?.kvHeads ?? 1,
});
type Dims = ReturnType<typeof dims>;
const params = ({ K, G }: Dims) => ({ phase: vector([G, 1, K]) });
type Context = ChannelContext<z.infer<typeof config>, Dims, ReturnType<typeof params>> & { side?: "query" | "key" };

/**
 * Polar positions: what a feature is (its size, made positive) and where it stands (its angle) are kept apart.
 * Axes: B batch, H heads (of queries or keys), G key heads, T time, K head size.
 */
export const pope = definePosition({
  kind: "pope",
  title: "Polar positions (PoPE)",
  cite: { arxiv: "2509.10534", by: "Gopalakrishnan et al. 2025" },
  equations: [
    "q_i ← softplus(q_i) e^{i t θ_i},  k_i ← softplus(k_i) e^{i (t θ_i + δ_i)},  θ_i = base^(−i/K)",
    "score = Re Σ_i q_i k̄_i,  δ_i learned in [−2π, 0]",
  ],
  config,
  dims,
  params,
  rotate(x_BHTK, positions_BT, { c, d, p, side = "query" }: Context) {
    const waves = Array.from({ length: d.K }, (_, i) => ({ frequency: c.base ** (-i / d.K) }));
    const angles = anglesOf(positions_BT.unsqueeze(1).unsqueeze(-1), waves);
    const turned = side === "key" ? angles.add(phaseOf(p)) : angles;
    const size = x_BHTK.softplus();
    return concat(-1, [size.mul(turned.cos()), size.mul(turned.sin())]);
  },
});

const phaseOf = ({ phase }: Weights<ReturnType<typeof params>>): Tensor =>
  value(phase)
    .maximum(-2 * Math.PI)
    .minimum(0);
