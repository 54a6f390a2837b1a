/** Longformer's layer of transformers: post-norm around its attention; queries of padding give zeros. */
import { concat, constant, type Tensor } from "../../tensor/index.ts";
import { storedIo, storedWeight } from "../../testing/goldens/attention-of.fixture.ts";
import { bertColumns, bertLayer } from "../../testing/goldens/bert-layer.fixture.ts";
import { settingsOf } from "../../testing/goldens/hf-attention.fixture.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { linearOf } from "../../testing/goldens/layer-parts.fixture.ts";
import { type GlobalTokens, longformer, longformerMix } from "./longformer.ts";

/** Numbers of the global tokens of each sequence, filled up to as many as the others have. */
function globalsOf(c: GoldenCase, [batch, tokens]: readonly [number, number]): GlobalTokens {
  const marked = c.has("in.global_attention_mask")
    ? c.values("in.global_attention_mask")
    : new Float64Array(batch * tokens);
  const places = Array.from({ length: batch }, (_, b) =>
    Array.from({ length: tokens }, (_, t) => t).filter((t) => marked[b * tokens + t] !== 0),
  );
  const most = Math.max(1, ...places.map((row) => row.length));
  const taken = places.flatMap((row) => Array.from({ length: most }, (_, m) => (m < row.length ? 1 : 0)));
  const rows = places.flatMap((row) =>
    Array.from({ length: most }, (_, m) => Array.from({ length: tokens }, (_, t) => (row[m] === t ? 1 : 0))),
  );
  return {
    places_BMT: constant(rows.flat(), [batch, most, tokens]),
    taken_BM: constant(taken, [batch, most], "bool"),
  };
}

function build(c: GoldenCase): GoldenGraph {
  const settings = settingsOf(c);
  const [window] = settings.attention_window as [number];
  const config = longformer.config.parse({ heads: settings.num_attention_heads, radius: window / 2, bias: true });
  const [local, global] = [
    bertColumns(c, ["query", "key", "value"]),
    bertColumns(c, ["query_global", "key_global", "value_global"]),
  ];
  const out = linearOf(c, "attention.output.dense");
  const p = {
    qkv: storedWeight(concat(1, local.weight)),
    qkvBias: storedWeight(concat(0, local.bias)),
    globalQkv: storedWeight(concat(1, global.weight)),
    globalQkvBias: storedWeight(concat(0, global.bias)),
    out: storedWeight(out.weight.transpose([1, 0])),
    outBias: storedWeight(out.bias!),
  };
  const attend = (x: Tensor) =>
    longformerMix(x, globalsOf(c, [x.dim(0), x.dim(1)]), {
      c: config,
      d: longformer.dims(config, x.dim(2)),
      p,
      io: storedIo(c.has("in.attention_mask") ? { mask_BT: c.mask("in.attention_mask") } : {}),
    });
  return bertLayer(c, attend);
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "longformer-layer", build }];
