import type { Tensor } from "../../tensor/index.ts";
import type { GoldenGraph } from "./adapter.ts";
import type { GoldenCase } from "./golden-case.ts";
import { activationOf, linearOf, normOf, plainChannel, type Sublayer } from "./layer-parts.fixture.ts";

/** A layer of BERT's kind around another attention: the sum, then the norm, for attention and for the channel mixer. */
export function bertLayer(
  c: GoldenCase,
  attend: Sublayer,
  {
    activation = "gelu",
    epsilon = 1e-12,
    norm: attentionNorm = "attention.output.LayerNorm",
  }: { activation?: string; epsilon?: number; norm?: string } = {},
): GoldenGraph {
  const norm = (name: string) => normOf(c, name, { kind: "layer", epsilon });
  const channel = plainChannel(
    { up: linearOf(c, "intermediate.dense"), down: linearOf(c, "output.dense") },
    activationOf(activation),
  );
  const x = c.tensor("in.x");
  const a = norm(attentionNorm)(x.add(attend(x)));
  return { outputs: { "out.y": norm("output.LayerNorm")(a.add(channel(a))) } };
}

/** Its maps of queries, keys and values, side by side as columns, and their offsets. */
export function bertColumns(
  c: GoldenCase,
  names: readonly [string, string, string],
): { weight: Tensor[]; bias: Tensor[] } {
  const maps = names.map((name) => linearOf(c, `attention.self.${name}`));
  return { weight: maps.map(({ weight }) => weight.transpose([1, 0])), bias: maps.map(({ bias }) => bias!) };
}
