/** FT-Transformer: columns of a table as tokens behind a class token, which alone is read; our layers around its tokens. */
import { concat, type Tensor } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenGraph } from "./adapter.ts";
import { attentionOf } from "./attention-of.fixture.ts";
import { mapped } from "./biased-attention.fixture.ts";
import type { GoldenCase } from "./golden-case.ts";
import { fourMaps } from "./layer-families-decoder.fixture.ts";
import { gatedChannel, linearOf, normOf, partsOf, type Sublayer } from "./layer-parts.fixture.ts";

/** [class, numbers, categories]: a number times its column's vector, a category's row, and an offset a column each. */
function tokensOf(c: GoldenCase): Tensor {
  const at = (name: string) => c.tensor(`param.${name}`);
  const x_BN = c.tensor("in.x");
  const numbers = x_BN.unsqueeze(-1).mul(at("cont_embeddings.weight")).add(at("cont_embeddings.bias"));
  const ids_BC = c.tensor("in.cat");
  const rows = c
    .list("cat")
    .map((_, i) => at(`cat_embeddings.embeddings.${i}.weight`).gather(0, ids_BC.slice(1, i, i + 1)));
  const categories = concat(1, rows).add(at("cat_embeddings.bias"));
  const first = at("cls_embedding.weight").expand([x_BN.dim(0), 1, numbers.dim(2)]);
  return concat(1, [first, numbers, categories]);
}

const norm = (c: GoldenCase, name: string): Sublayer => normOf(c, `backbone.${name}`, { kind: "layer", epsilon: 1e-5 });

function block(c: GoldenCase, x: Tensor, index: number): Tensor {
  const name = `backbone.blocks.${index}`;
  const maps = fourMaps(c, `${name}.attention`, ["W_q", "W_k", "W_v", "W_out"]);
  // The first block reads the tokens as they are.
  const read = index === 0 ? x : norm(c, `blocks.${index}.attention_normalization`)(x);
  const a = x.add(attentionOf(read, maps, { options: { heads: c.number("heads"), causal: false } }).y);
  const joined = linearOf(c, `${name}.ffn.linear1`);
  const half = joined.weight.dim(0) / 2;
  const [up, gate] = partsOf(joined, [half, half]) as [typeof joined, typeof joined];
  const channel = gatedChannel({ up, gate, down: linearOf(c, `${name}.ffn.linear2`) }, "relu");
  return a.add(channel(norm(c, `blocks.${index}.ffn_normalization`)(a)));
}

function build(c: GoldenCase): GoldenGraph {
  let x = tokensOf(c);
  for (let index = 0; index < c.number("blocks"); index++) x = block(c, x, index);
  const read = norm(c, "output.normalization")(x.at(1, 0)).relu();
  return { outputs: { "out.y": mapped(read, linearOf(c, "backbone.output.linear")) } };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "tabular-transformer", build }];
