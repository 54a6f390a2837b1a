import type { GoldenCase } from "../testing/goldens/golden-case.ts";
import { type Absent, axesOf, binary, opAdapters, unary } from "../testing/goldens/op-adapters.ts";
import { concat, conv, convTranspose, sort, stack } from "./functions.ts";
import type { Tensor } from "./tensor.ts";

/** `in.a`, `in.b`, … in this order. */
const parts = (c: GoldenCase): Tensor[] => c.names("in.").map((name) => c.tensor(name));

const numbered = (list: readonly Tensor[]) => Object.fromEntries(list.map((t, i) => [`y${i}`, t]));

/** Consecutive sizes that fill a length; the last may be shorter. */
const evenly = (length: number, size: number): number[] =>
  Array.from({ length: Math.ceil(length / size) }, (_, i) => Math.min(size, length - i * size));

/** A setting for each of `count` axes. */
const perAxis = (c: GoldenCase, key: string, count: number): number[] => {
  const list = c.list(key);
  return list.length === 1 ? new Array<number>(count).fill(list[0]!) : list;
};

function convolution(c: GoldenCase): Tensor {
  const [x, w, bias] = [c.tensor("in.x"), c.tensor("param.weight"), c.maybe("param.bias")];
  const rank = x.rank - 2;
  const dilations = perAxis(c, "dilation", rank);
  const spans = dilations.map((dilation, i) => dilation * (w.dim(i + 2) - 1));
  const given = c.config.padding === "same" ? undefined : perAxis(c, "padding", rank);
  const before = c.flag("causal") ? spans : (given ?? spans.map((span) => Math.floor(span / 2)));
  const after = c.flag("causal") ? spans.map(() => 0) : (given ?? spans.map((span) => Math.ceil(span / 2)));
  const y = conv(x, w, {
    strides: perAxis(c, "stride", rank),
    dilations,
    pads: [before, after],
    groups: c.number("groups"),
  });
  return bias ? y.add(bias.reshape([y.dim(1), ...y.shape.slice(2).map(() => 1)])) : y;
}

function transposedConvolution(c: GoldenCase): Tensor {
  const [x, w, bias] = [c.tensor("in.x"), c.tensor("param.weight"), c.maybe("param.bias")];
  const setting = (key: string) => perAxis(c, key, x.rank - 2);
  const y = convTranspose(x, w, {
    strides: setting("stride"),
    dilations: setting("dilation"),
    pads: [setting("padding"), setting("padding")],
    groups: c.number("groups"),
    extra: setting("output_padding"),
  });
  return bias ? y.add(bias.reshape([y.dim(1), ...y.shape.slice(2).map(() => 1)])) : y;
}

function sliced(x: Tensor, c: GoldenCase): Tensor | Absent {
  const slices = c.config.slices as [number | null, number | null, number][];
  return slices.reduce((t, [start, stop, step], axis) => t.slice(axis, start ?? 0, stop ?? undefined, step), x);
}

export const adapters = opAdapters({
  reshape: unary((x, c) => x.reshape(c.list("shape"))),
  permute: unary((x, c) => x.transpose(c.list("axes"))),
  expand: unary((x, c) => {
    const shape = c.list("shape");
    return x.expand(shape.map((dim, i) => (dim === -1 ? x.dim(i - shape.length) : dim)));
  }),
  slice: unary(sliced),
  flip: unary((x, c) => c.list("axis").reduce((t, axis) => t.flip(axis), x)),
  concat: (c) => concat(c.number("axis"), parts(c)),
  stack: (c) => stack(c.number("axis"), parts(c)),
  split: unary((x, c) => {
    const axis = c.number("axis");
    const sizes = Array.isArray(c.config.sizes) ? c.list("sizes") : evenly(x.dim(axis), c.number("sizes"));
    return numbered(x.split(axis, sizes));
  }),
  chunk: unary((x, c) => {
    const axis = c.number("axis");
    return numbered(x.split(axis, evenly(x.dim(axis), Math.ceil(x.dim(axis) / c.number("chunks")))));
  }),
  meshgrid: binary((a, b) => numbered([a.unsqueeze(1).expand([a.size, b.size]), b.expand([a.size, b.size])])),
  gather: unary((x, c) => x.gatherElements(c.number("axis"), c.tensor("in.index"))),
  scatter_add: unary((x, c) => x.scatterAdd(c.number("axis"), c.tensor("in.index"), c.tensor("in.src"))),
  index_select: unary((x, c) => x.gather(c.number("axis"), c.tensor("in.index"))),
  sum: unary((x, c) => x.sum(axesOf(c), c.flag("keepdim"))),
  mean: unary((x, c) => x.mean(axesOf(c), c.flag("keepdim"))),
  prod: unary((x, c) => x.prod(axesOf(c), c.flag("keepdim"))),
  amax: unary((x, c) => x.max(axesOf(c), c.flag("keepdim"))),
  amin: unary((x, c) => x.min(axesOf(c), c.flag("keepdim"))),
  max_all: unary((x) => x.max()),
  cumsum: unary((x, c) => x.cumsum(c.number("axis"))),
  sort: unary((x, c) => ({ ...sort(x, c.number("axis"), { descending: c.flag("descending") }) })),
  topk: unary((x, c) => ({ ...x.topk(c.number("axis"), c.number("k"), { largest: c.flag("largest") }) })),
  conv1d: convolution,
  conv2d: convolution,
  conv3d: convolution,
  conv_transpose1d: transposedConvolution,
  conv_transpose2d: transposedConvolution,
});
