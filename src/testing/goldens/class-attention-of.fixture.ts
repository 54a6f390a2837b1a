/** Class attention and its block, with timm's parameters. */
import { classAttention } from "../../blocks/mixers/class-attention.ts";
import { concat, type Tensor } from "../../tensor/index.ts";
import { storedIo, storedWeight } from "./attention-of.fixture.ts";
import type { GoldenCase } from "./golden-case.ts";
import { linearOf, normOf, plainChannel } from "./layer-parts.fixture.ts";

/** Parameters by our names: maps as columns, and those of the rest that the case has. */
export function weightsOf(c: GoldenCase, names: Readonly<Record<string, string>>) {
  const found = Object.entries(names).flatMap(([ours, theirs]) => {
    const stored = c.maybe(`param.${theirs}`);
    if (!stored) return [];
    return [[ours, storedWeight(stored.rank === 2 ? stored.transpose([1, 0]) : stored.reshape([-1]))]];
  });
  return Object.fromEntries(found) as never;
}

/** Class attention by the parameters below this prefix. */
export function classAttentionOf(x: Tensor, c: GoldenCase, { prefix, heads }: { prefix: string; heads: number }) {
  const config = classAttention.config.parse({ heads, bias: c.has(`param.${prefix}q.bias`) });
  const p = weightsOf(c, {
    q: `${prefix}q.weight`,
    k: `${prefix}k.weight`,
    v: `${prefix}v.weight`,
    qBias: `${prefix}q.bias`,
    kBias: `${prefix}k.bias`,
    vBias: `${prefix}v.bias`,
    out: `${prefix}proj.weight`,
    outBias: `${prefix}proj.bias`,
  });
  const d = classAttention.dims(config, x.dim(2));
  return classAttention.forward(x, { c: config, d, p, s: {}, b: {}, io: storedIo() }).y;
}

/** Class attention and a channel mixer, for the first token alone, each times a vector before it is added. */
export function classBlockOf(
  c: GoldenCase,
  { cls, x }: { cls: Tensor; x: Tensor },
  { prefix, heads, epsilon }: { prefix: string; heads: number; epsilon: number },
): Tensor {
  const norm = (name: string) => normOf(c, `${prefix}${name}`, { kind: "layer", epsilon });
  const scale = (t: Tensor, i: 1 | 2) => t.mul(c.tensor(`param.${prefix}gamma_${i}`));
  const all = norm("norm1")(concat(1, [cls, x]));
  const attended = classAttentionOf(all, c, { prefix: `${prefix}attn.`, heads }).slice(1, 0, 1);
  const first = cls.add(scale(attended, 1));
  const net = { up: linearOf(c, `${prefix}mlp.fc1`), down: linearOf(c, `${prefix}mlp.fc2`) };
  return first.add(scale(plainChannel(net, "gelu")(norm("norm2")(first)), 2));
}
