/**
 * Focal modulation over a grid of tokens: each token is multiplied by a sum of contexts of growing size, each behind a gate.
 * Axes: B batch, T tokens (the grid row by row), D model, L levels of windows, h and w rows and columns.
 */
import { z } from "zod";
import { convolveImage, type Grid, gridOf, onlyReal, toImage, toTokens } from "../../ops/index.ts";
import { gelu, type Tensor } from "../../tensor/index.ts";
import { defineMixer } from "../define.ts";
import { bias, matrix, tensor } from "../weights/declare.ts";
import { linear, value, type Weight } from "../weights/use.ts";
import { columns } from "./grid-config.ts";

const config = z.strictObject({
  levels: z
    .int()
    .positive()
    .max(8)
    .default(2)
    .describe("windows one behind the other, before the whole grid as the last context"),
  window: z.int().positive().max(31).default(3).describe("cells a side of the first window"),
  growth: z.int().min(0).max(16).default(2).describe("cells a side by which each window is larger than the one before"),
  bias: z.boolean().default(true).describe("offsets of the maps"),
  columns,
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, L: c.levels });

const params = ({ D, L }: ReturnType<typeof dims>, c: C) => {
  const window = (level: number) => c.window + c.growth * level;
  const kernels = Array.from({ length: L }, (_, level): [string, ReturnType<typeof tensor>] => [
    `kernel${level}`,
    tensor([D, 1, window(level), window(level)], { kind: "normal", std: 1 / window(level) }),
  ]);
  return {
    in: matrix(D, 2 * D + L + 1),
    modulate: matrix(D, D),
    out: matrix(D, D, { init: "residual" }),
    ...(c.bias && { inBias: bias(2 * D + L + 1), modulateBias: bias(D), outBias: bias(D) }),
    ...Object.fromEntries(kernels),
  };
};

export const focalModulation = defineMixer({
  kind: "focal-modulation",
  title: "Focal modulation",
  cite: { arxiv: "2203.11926", by: "Yang et al. 2022, section 3.2" },
  patterns: ["data-gating", "multi-x"],
  equations: [
    "q, z⁰, g = W_in x   (g: L + 1 gates a token)",
    "zˡ = gelu(Kˡ ∗ zˡ⁻¹),  K depthwise of k + (l − 1)·growth cells a side;  z^(L+1) = gelu(mean over the grid of z^L)",
    "y = W_out (q ⊙ W_m Σ_l g_l zˡ)",
  ],
  config,
  dims,
  params,
  reads: ["mask_BT", "grid"],
  capabilities: {
    flow: "bidirectional",
    state: "none",
    length: "any",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  },
  state: () => ({}),
  forward(x_BTD, { c, d, p, io }) {
    const grid = gridOf(x_BTD.dim(1), { grid: io.grid, columns: c.columns });
    const [q, z, gates] = linear(x_BTD, p.in, p.inBias).split(-1, [d.D, d.D, d.L + 1]) as [Tensor, Tensor, Tensor];
    const kernels = Array.from(
      { length: d.L },
      (_, level) => (p as Readonly<Record<string, Weight>>)[`kernel${level}`]!,
    );
    const contexts = contextsOf(z, { kernels, grid, mask_BT: io.mask_BT });
    const gated = contexts.map((context, level) => context.mul(gates.slice(-1, level, level + 1)));
    const modulator = linear(
      gated.reduce((sum, next) => sum.add(next)),
      p.modulate,
      p.modulateBias,
    );
    return { y: linear(q.mul(modulator), p.out, p.outBias), s: {} };
  },
});

/** What each level sees, [B, T, D], then what the whole grid does, [B, 1, D]. */
function contextsOf(
  z_BTD: Tensor,
  { kernels, grid, mask_BT }: { kernels: readonly Weight[]; grid: Grid; mask_BT: Tensor | undefined },
): Tensor[] {
  const [tokens, D] = [z_BTD.dim(1), z_BTD.dim(2)];
  const levels: Tensor[] = [];
  for (const kernel of kernels) {
    const image = toImage(onlyReal(levels.at(-1) ?? z_BTD, mask_BT), grid);
    levels.push(gelu(toTokens(convolveImage(image, value(kernel), { groups: D }), tokens)));
  }
  const last = levels.at(-1)!;
  const count = mask_BT ? mask_BT.cast("f32").sum(1, true).unsqueeze(2).maximum(1) : tokens;
  return [...levels, gelu(onlyReal(last, mask_BT).sum(1, true).div(count))];
}
