import type { Tensor } from "../tensor/index.ts";
import type { GoldenCase } from "../testing/goldens/golden-case.ts";
import { axesOf, opAdapters, unary } from "../testing/goldens/op-adapters.ts";
import * as reductions from "./reductions.ts";

const over = (c: GoldenCase) => ({ axes: axesOf(c), keep: c.flag("keepdim") });

/** Index of the greatest along `config.axis`, or of the flattened tensor. */
const argmax = (x: Tensor, c: GoldenCase) =>
  c.config.axis === undefined ? x.reshape([-1]).argmax(0) : x.argmax(c.number("axis"));

/** How many elements along the axis equal 0. */
const zeroCount = (x: Tensor, c: GoldenCase) => x.equal(0).cast("i32").sum(c.number("axis"));

const norm = (c: GoldenCase) => (c.config.p === "inf" ? Number.POSITIVE_INFINITY : c.number("p"));

export const adapters = opAdapters({
  argmax: unary(argmax),
  argmin: unary((x, c) => argmax(x.neg(), c)),
  all: unary((x, c) => zeroCount(x, c).equal(0)),
  any: unary((x, c) => zeroCount(x, c).less(x.dim(c.number("axis")))),
  max_axis: unary((x, c) => ({ ...reductions.maxAlong(x, c.number("axis"), c.flag("keepdim")) })),
  min_axis: unary((x, c) => ({ ...reductions.minAlong(x, c.number("axis"), c.flag("keepdim")) })),
  var: unary((x, c) => reductions.variance(x, { ...over(c), correction: c.number("correction", 1) })),
  std: unary((x, c) => reductions.standardDeviation(x, { ...over(c), correction: c.number("correction", 1) })),
  var_mean: unary((x, c) => ({
    var: reductions.variance(x, { axes: axesOf(c), correction: c.number("correction", 1) }),
    mean: x.mean(axesOf(c)),
  })),
  logsumexp: unary((x, c) => reductions.logSumExp(x, over(c))),
  vector_norm: unary((x, c) => reductions.vectorNorm(x, norm(c), over(c))),
  nansum: unary((x, c) => reductions.nanSum(x, axesOf(c))),
  nanmean: unary((x, c) => reductions.nanMean(x, axesOf(c))),
  median: unary((x, c) => ({ ...reductions.median(x, c.number("axis")) })),
  quantile: unary((x, c) => reductions.quantile(x, c.list("q"), c.number("axis"))),
  cumprod: unary((x, c) => reductions.cumulativeProduct(x, c.number("axis"))),
  cummax: unary((x, c) => ({ ...reductions.cumulativeMax(x, c.number("axis")) })),
  logcumsumexp: unary((x, c) => reductions.logCumulativeSumExp(x, c.number("axis"))),
  diff: unary((x, c) => reductions.difference(x, c.number("axis"), c.number("n"))),
});
