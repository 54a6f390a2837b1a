/** Attentions of x-transformers that are mixers of their own here. */
import { forgettingAttention } from "../../blocks/mixers/forgetting-attention.ts";
import { mla } from "../../blocks/mixers/mla.ts";
import type { Tensor } from "../../tensor/index.ts";
import { storedIo, storedWeight } from "./attention-of.fixture.ts";
import type { GoldenCase } from "./golden-case.ts";
import type { XtOptions } from "./xt-options.fixture.ts";

/** Attention by the name of its module. */
export type Attend = (x: Tensor, name: string) => Tensor;

const columns = (weight: Tensor) => weight.transpose([1, 0]);
const weightsOf = (tensors: Readonly<Record<string, Tensor>>) =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, storedWeight(tensor)])) as never;

/** Undefined where the case's attention is `attention`. */
export function otherMixer(c: GoldenCase): Attend | undefined {
  const o = c.config.options as XtOptions;
  if (o.attn_use_latent_kv) return latentKeys(c, o);
  return o.attn_data_dependent_alibi ? forgetting(c, o) : undefined;
}

function latentKeys(c: GoldenCase, o: XtOptions): Attend {
  const [heads, size] = [c.number("heads"), c.number("dim_head")];
  const config = mla.config.parse({
    heads,
    latent: o.attn_dim_latent_kv,
    ...(o.attn_use_latent_q && { queryLatent: o.attn_dim_latent_q }),
    ...(o.attn_latent_rope_subheads && { rotaryHeads: o.attn_latent_rope_subheads }),
    ...(o.rotary_pos_emb && { rope: { layout: "interleaved", rotaryFraction: Number(o.rotary_emb_dim) / size } }),
    plainSize: size,
    valueSize: size,
    rotarySize: 0,
    latentNorm: false,
  });
  return (x, name) => {
    const map = (part: string) => columns(c.tensor(`param.${name}.${part}.weight`));
    const byHead = (weight: Tensor) => weight.reshape([weight.dim(0), weight.dim(1) / size, size]).swap(0, 1);
    const p = weightsOf({
      query: map("to_q"),
      ...(config.queryLatent && { queryDown: map("to_latent_q") }),
      ...(config.rotaryHeads && { rotaryKey: map("to_rotateable_k") }),
      down: map("to_latent_kv"),
      keyUp: byHead(map("to_k")),
      valueUp: byHead(map("to_v")),
      out: map("to_out"),
    });
    return mla.forward(x, { c: config, d: mla.dims(config, x.dim(2)), p, s: {}, b: {}, io: storedIo() }).y;
  };
}

function forgetting(c: GoldenCase, o: XtOptions): Attend {
  const pairs = o.attn_data_dependent_alibi_per_row ? { pairGates: o.attn_data_dependent_alibi_per_row_dim_head } : {};
  const causal = c.text("stack") === "decoder";
  const config = forgettingAttention.config.parse({
    heads: c.number("heads"),
    headSize: c.number("dim_head"),
    causal,
    ...pairs,
  });
  return (x, name) => {
    const at = (part: string) => c.tensor(`param.${name}.${part}`);
    const gates = columns(at("data_dependent_alibi.to_forget_gates.0.weight"));
    const p = weightsOf({
      q: columns(at("to_q.weight")),
      k: columns(at("to_k.weight")),
      v: columns(at("to_v.weight")),
      ...("pairGates" in pairs
        ? { pairs: gates }
        : { forget: gates, forgetBias: at("data_dependent_alibi.to_forget_gates.0.bias") }),
      out: columns(at("to_out.weight")),
    });
    const d = forgettingAttention.dims(config, x.dim(2));
    return forgettingAttention.forward(x, { c: config, d, p, s: {}, b: {}, io: storedIo() }).y;
  };
}
