/** Linear attention with features of the second order: fla-core's kernels, and zoology's Based layer. */

import { asColumns, asRows } from "../../ops/decay-scan.goldens.ts";
import { decayScan, squareFeatures, taylorFeatures } from "../../ops/index.ts";
import { concat, ones, type Tensor } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { linearAttention } from "./linear-attention.ts";
import { columnsOf } from "./mamba-2.goldens.ts";
import { goldenIo } from "./rnn-golden-weights.fixture.ts";

function kernel(c: GoldenCase): GoldenGraph {
  const features = c.text("kernel") === "based" ? taylorFeatures : squareFeatures;
  const v = asColumns(c.tensor("in.v"));
  const one = ones([v.dim(0), 1, v.dim(2), v.dim(3)]);
  const { o_HVBT } = decayScan({
    q_GKBT: features(asColumns(c.tensor("in.q"))),
    k_GKBT: features(asColumns(c.tensor("in.k"))),
    v_HVBT: concat(1, [v, one]),
    chunk: 4,
  });
  const V = v.dim(1);
  const o = o_HVBT.slice(1, 0, V);
  return { outputs: { "out.o": asRows(c.flag("normalize") ? o.div(o_HVBT.slice(1, V).add(1e-6)) : o) } };
}

/** The source keeps both products of a pair of channels, x_i x_j and x_j x_i; we keep one, √2 as large. */
function allPairs(features: Tensor, K: number): Tensor {
  const place = (i: number, j: number) => {
    const [low, high] = [Math.min(i, j), Math.max(i, j)];
    return 1 + K + low * K - (low * (low - 1)) / 2 + (high - low);
  };
  const products = Array.from({ length: K * K }, (_, n) => {
    const [i, j] = [Math.floor(n / K), n % K];
    const product = features.slice(1, place(i, j), place(i, j) + 1);
    return i === j ? product : product.mul(Math.SQRT1_2);
  });
  return concat(1, [features.slice(1, 0, 1 + K), ...products]);
}

function layer(c: GoldenCase): GoldenGraph {
  const at = (name: string) => columnsOf(c.tensor(`param.proj_${name}.weight`));
  const K = c.number("feature_dim");
  const config = linearAttention.config.parse({
    heads: c.number("heads"),
    featureMap: "taylor",
    keySize: K,
    epsilon: 1e-12,
    chunk: 4,
  });
  const x = c.tensor("in.x");
  const d = linearAttention.dims(config, x.dim(2));
  const p = { q: at("q"), k: at("k"), v: at("v"), out: at("o") };
  const { y } = linearAttention.forward(x, { c: config, d, p, s: {}, b: {}, io: goldenIo() });
  const q = c.tensor("in.q").transpose([1, 0]).unsqueeze(0).unsqueeze(2);
  const features = taylorFeatures(q).squeeze(2).squeeze(0).transpose([1, 0]);
  return { outputs: { "out.y": y, "out.features": allPairs(features, K) } };
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "based", build: kernel },
  { kind: "blocks", component: "based-taylor", build: layer },
];
