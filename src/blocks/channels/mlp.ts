import { z } from "zod";
import { layerNorm, sizeOf, type Tensor, zeros } from "../../tensor/index.ts";
import { defineChannel } from "../define.ts";
import { bias, gain, matrix, type ParameterDeclaration } from "../weights/declare.ts";
import { linear, value, type Weight, type Weights } from "../weights/use.ts";
import { activate, activationParams, hiddenActivationSchema, hiddenSmoothness } from "./learned-activation.ts";

const config = z.strictObject({
  ratio: z.number().positive().default(4).describe("hidden width / model width"),
  hidden: z.int().positive().optional().describe("hidden width itself, instead of ratio"),
  activation: hiddenActivationSchema.default("gelu").describe("nonlinearity φ; some have parameters of their own"),
  bias: z.boolean().default(true).describe("whether the products have offsets"),
  depth: z
    .int()
    .min(1)
    .default(2)
    .describe(
      "number of matrices; those between the first and the last are square; 1: a single one of the model's width, without nonlinearity",
    ),
  used: z
    .number()
    .positive()
    .max(1)
    .default(1)
    .describe(
      "share of the hidden units, the first ones, that take part: a smaller net nested in this one (MatFormer)",
    ),
  hiddenNorm: z.boolean().default(false).describe("whether the last hidden layer is normed, with a gain"),
});
type C = z.infer<typeof config>;

/** Numbers of the matrices between the first and the last. */
const inner = ({ depth }: C): number[] => Array.from({ length: Math.max(0, depth - 2) }, (_, i) => i + 1);

function innerParams(F: number, c: C): Readonly<Record<string, ParameterDeclaration>> {
  const entries = inner(c).flatMap((i): [string, ParameterDeclaration][] => [
    [`inner${i}`, matrix(F, F)],
    ...(c.bias ? [[`innerBias${i}`, bias(F)] as [string, ParameterDeclaration]] : []),
  ]);
  return Object.fromEntries(entries);
}

/** What a single matrix has no use for: it is the last one. */
const hiddenParams = (F: number, c: C) => ({
  ...(c.hiddenNorm && { hiddenGain: gain(F) }),
  ...innerParams(F, c),
  ...activationParams(c.activation, F),
});

const params = ({ D, F }: { D: number; F: number }, c: C) => ({
  ...(c.depth > 1 && { up: matrix(D, F) }),
  down: matrix(F, D, { init: "residual" }),
  ...(c.bias && { ...(c.depth > 1 && { upBias: bias(F) }), downBias: bias(D) }),
  ...(c.depth > 1 && hiddenParams(F, c)),
});
type P = Weights<ReturnType<typeof params>>;

/** At least one. */
const usedUnits = ({ used }: C, F: number): number => Math.max(1, Math.round(used * F));

/** The weights of a net of fewer hidden units: the first part of each along every axis. */
function nested(p: P, smaller: Readonly<Record<string, ParameterDeclaration>>): P {
  const first = (w: Weight, { shape }: ParameterDeclaration): Weight => ({
    ...w,
    tensor: shape.reduce((t, size, axis) => t.slice(axis, 0, size), w.tensor),
  });
  return Object.fromEntries(Object.entries(p).map(([name, w]) => [name, first(w, smaller[name]!)])) as P;
}

/** Matrices with a nonlinearity between: φ(x·W₁ + b₁)·W₂ + b₂, each token alone. */
export const mlp = defineChannel({
  kind: "mlp",
  title: "MLP",
  cite: { arxiv: "1706.03762", by: "Vaswani et al. 2017, eq. 2" },
  equations: ["y = φ(x·W₁ + b₁)·W₂ + b₂"],
  config,
  dims: (c, D) => ({ D, F: c.depth === 1 ? D : (c.hidden ?? Math.round(c.ratio * D)) }),
  params,
  tune: [{ key: "hidden", unit: 1 }],
  capabilities: ({ activation, depth }) => ({
    flow: "both",
    length: "any",
    batch: "independent",
    smooth: depth === 1 ? "everywhere" : hiddenSmoothness(activation),
    exact: "bitwise",
  }),
  activeParams: ({ D, F }, c) =>
    Object.values(params({ D, F: c.depth === 1 ? F : usedUnits(c, F) }, c)).reduce(
      (sum, { shape }) => sum + sizeOf(shape),
      0,
    ),
  forward(x, { c, d: { D, F }, p: all }) {
    if (all.up === undefined) return { y: linear(x, all.down, all.downBias) };
    const p = c.used === 1 ? all : nested(all, params({ D, F: usedUnits(c, F) }, c));
    const first = activate(c.activation, linear(x, p.up!, p.upBias), p);
    const hidden = inner(c).reduce((h, i) => innerLayer(h, i, { c, p }), first);
    const normed = p.hiddenGain ? layerNorm(hidden, value(p.hiddenGain), zeros([hidden.dim(-1)])) : hidden;
    return { y: linear(normed, p.down, p.downBias) };
  },
});

function innerLayer(h: Tensor, i: number, { c, p }: { c: C; p: Readonly<Record<string, Weight | undefined>> }): Tensor {
  return activate(c.activation, linear(h, p[`inner${i}`]!, p[`innerBias${i}`]), p);
}
