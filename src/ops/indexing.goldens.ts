import { opAdapters, unary } from "../testing/goldens/op-adapters.ts";
import * as indexing from "./indexing.ts";

export const adapters = opAdapters({
  one_hot: (c) => indexing.oneHot(c.tensor("in.ids"), c.number("classes")).cast("i32"),
  bincount: (c) => indexing.bincount(c.tensor("in.ids"), c.number("length")).cast("i32"),
  embedding: (c) =>
    indexing.embed(c.tensor("param.weight"), c.tensor("in.ids"), {
      byFrequency: c.flag("scale_grad_by_freq"),
      ...("padding_idx" in c.config && { paddingIndex: c.number("padding_idx") }),
    }),
  embedding_bag: (c) => {
    const rows = indexing.embed(c.tensor("param.weight"), c.tensor("in.ids"));
    const mode = c.text("mode");
    return mode === "sum" ? rows.sum(1) : mode === "mean" ? rows.mean(1) : rows.max(1);
  },
  scatter: unary((x, c) => indexing.scatterInto(x, c.number("axis"), c.tensor("in.index"), c.tensor("in.src"))),
  scatter_reduce: unary((x, c) => {
    const [index, source, how] = [c.tensor("in.index"), c.tensor("in.src"), c.text("reduce")];
    if (how === "sum") return x.scatterAdd(c.number("axis"), index, source);
    if (how === "mean") return indexing.scatterMean(x, c.number("axis"), index, source);
    return indexing.scatterReduce(x, index, source, how === "prod" ? "prod" : how === "amax" ? "max" : "min");
  }),
  index_add: unary((x, c) =>
    indexing.indexAdd(x, c.number("axis"), c.tensor("in.index"), c.tensor("in.src").mul(c.number("alpha"))),
  ),
  advanced_index: unary((x, c) => indexing.gatherPairs(x.swap(1, 2), c.tensor("in.i"), c.tensor("in.j"))),
  index_put: unary((x, c) =>
    indexing.putPairs(x, {
      i: c.tensor("in.i"),
      j: c.tensor("in.j"),
      source: c.tensor("in.src"),
      accumulate: c.flag("accumulate"),
    }),
  ),
  searchsorted: (c) => indexing.searchSorted(c.tensor("in.edges"), c.tensor("in.x"), { right: c.flag("right") }),
});
