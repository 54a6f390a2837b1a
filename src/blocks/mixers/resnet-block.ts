/**
 * What a residual block of convolutions adds to the stream: two of them, each behind a norm, a rectifier between. The residual
 * `rectified` adds it as in the paper. Axes: B batch, T tokens (the grid row by row), I and O features, k kernel.
 */
import { z } from "zod";
import { convolveImage, gridOf, onlyReal, thinned, toImage, toTokens } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { defineMixer, type Io } from "../define.ts";
import { nest, unnest } from "../nesting.ts";
import { batchnorm } from "../norms/batchnorm.ts";
import { bias, tensor } from "../weights/declare.ts";
import { value, type Weight } from "../weights/use.ts";
import { columns, reshapeOf, stride, widen, widened } from "./grid-config.ts";

const config = z.strictObject({
  kernel: z.int().positive().max(63).default(3).describe("cells a side of both windows"),
  stride,
  widen,
  norm: z.enum(["batch", "none"]).default("batch").describe("behind each convolution; none: an offset in its place"),
  columns,
});
type C = z.infer<typeof config>;

const dims = (c: C, I: number) => ({ I, O: widened(I, c.widen), k: c.kernel });

/** He et al. 2015: what a rectifier halves is made up for. */
const kernelOf = (inputs: number, { O, k }: ReturnType<typeof dims>) =>
  tensor([O, inputs, k, k], { kind: "normal", std: Math.sqrt(2 / (inputs * k * k)) });

const normConfig = batchnorm.config.parse({});
const eachNorm = <T>(of: Record<string, T>) => ({ ...nest("norm1", of), ...nest("norm2", of) });

export const resnetBlock = defineMixer({
  kind: "resnet-block",
  title: "Residual block of convolutions (ResNet)",
  cite: { arxiv: "1512.03385", by: "He et al. 2016, section 3" },
  equations: ["F(x) = N₂(W₂ ∗ relu(N₁(W₁ ∗ x)))", "the residual rectified: y = relu(x + F(x))"],
  config,
  dims,
  params: (d, c): Record<string, ReturnType<typeof tensor>> => ({
    kernel1: kernelOf(d.I, d),
    kernel2: kernelOf(d.O, d),
    ...(c.norm === "none"
      ? { bias1: bias(d.O), bias2: bias(d.O) }
      : eachNorm(batchnorm.params({ D: d.O }, normConfig))),
  }),
  buffers: ({ O }, c): Record<string, readonly number[]> =>
    c.norm === "none" ? {} : eachNorm(batchnorm.buffers!({ D: O }, normConfig)),
  reads: ["mask_BT", "grid"],
  reshapes: reshapeOf,
  capabilities: (c) => ({
    flow: "bidirectional",
    state: "none",
    length: c.stride === 1 ? "any" : "fixed",
    batch: c.norm === "none" ? "independent" : "coupled in training",
    smooth: "away from ties",
    exact: "bitwise",
  }),
  state: () => ({}),
  forward(x_BTI, { c, d, p, b, io }) {
    const [batch, tokens] = [x_BTI.dim(0), x_BTI.dim(1)];
    const from = { batch, tokens, grid: gridOf(tokens, { grid: io.grid, columns: c.columns }), mask_BT: io.mask_BT };
    const reshaped = c.stride > 1 ? thinned(from, c.stride) : undefined;
    const own = { p, b, io: reshaped ? maskedBy(reshaped.mask_BT, io) : io };
    const left = reshaped ? undefined : tokens;
    const image = toImage(onlyReal(x_BTI, io.mask_BT), from.grid);
    const first = normed(toTokens(convolveImage(image, value(p.kernel1!), c), left), "1", { ...own, D: d.O });
    const inner = toImage(onlyReal(first.y.relu(), own.io.mask_BT), reshaped?.grid ?? from.grid);
    const second = normed(toTokens(convolveImage(inner, value(p.kernel2!)), left), "2", { ...own, D: d.O });
    const buffers = { ...first.buffers, ...second.buffers };
    return { y: second.y, s: {}, ...(c.norm === "batch" && { buffers }), ...(reshaped && { reshaped }) };
  },
});

function maskedBy(mask_BT: Tensor | undefined, { mask_BT: _, ...io }: Io): Io {
  return mask_BT ? { ...io, mask_BT } : io;
}

interface Own {
  D: number;
  p: Readonly<Record<string, Weight>>;
  b: Readonly<Record<string, Tensor>>;
  io: Io;
}

/** Behind convolution 1 or 2: the norm with its next statistics, or the offset. */
function normed(x: Tensor, which: "1" | "2", { D, p, b, io }: Own): { y: Tensor; buffers?: Record<string, Tensor> } {
  const offset = p[`bias${which}`];
  if (offset) return { y: x.add(value(offset)) };
  const prefix = `norm${which}`;
  const weights = unnest(prefix, p) as Record<"gain" | "bias", Weight>;
  const { y, buffers = {} } = batchnorm.forward(x, { c: normConfig, d: { D }, p: weights, b: unnest(prefix, b), io });
  return { y, buffers: nest(prefix, buffers) };
}
