/** Decoder layers of transformers whose attention or sums differ from Llama's: DiffLlama and Doge. */
import { differentialAttention } from "../../blocks/mixers/differential-attention.ts";
import { concat, type Tensor } from "../../tensor/index.ts";
import type { Absent, GoldenAdapter, GoldenGraph } from "./adapter.ts";
import { attentionOf, storedIo, storedWeight } from "./attention-of.fixture.ts";
import type { GoldenCase } from "./golden-case.ts";
import { ropeOf, ropeTables, settingsOf } from "./hf-attention.fixture.ts";
import { fourMaps, layerOf } from "./layer-families-decoder.fixture.ts";
import { gatedChannel, linearOf, normOf, type Sublayer } from "./layer-parts.fixture.ts";

const channel = (c: GoldenCase): Sublayer =>
  gatedChannel(
    { gate: linearOf(c, "mlp.gate_proj"), up: linearOf(c, "mlp.up_proj"), down: linearOf(c, "mlp.down_proj") },
    "silu",
  );

/** Both branches behind their norms, added to the stream times a vector where the case has one. */
function layer(c: GoldenCase, attend: Sublayer, epsilon: number): Tensor {
  const norm = (name: string) => normOf(c, name, { kind: "rms", epsilon });
  const kept = (x: Tensor, name: string) => (c.has(`param.${name}`) ? x.mul(c.tensor(`param.${name}`)) : x);
  const x = c.tensor("in.x");
  const a = kept(x, "input_residual").add(attend(norm("input_layernorm")(x)));
  return kept(a, "post_attention_residual").add(channel(c)(norm("post_attention_layernorm")(a)));
}

function diffLlama(c: GoldenCase): GoldenGraph | Absent {
  const settings = settingsOf(c);
  const positions = ropeOf(settings);
  if (typeof positions === "string") return positions;
  const [heads, kvHeads] = [settings.num_attention_heads / 2, settings.num_key_value_heads! / 2];
  const config = differentialAttention.config.parse({
    heads,
    kvHeads,
    positions,
    start: 0.8 - 0.6 * Math.exp(-0.3 * layerOf(c)),
    normGain: false,
    epsilon: 1e-5,
  });
  const at = (name: string) => c.tensor(`param.self_attn.${name}`);
  const column = (weight: Tensor) => weight.transpose([1, 0]);
  const p = Object.fromEntries(
    Object.entries({
      q: column(at("q_proj.weight")),
      k: column(at("k_proj.weight")),
      v: column(pairedRows(at("v_proj.weight"), kvHeads)),
      query1: at("lambda_q1"),
      key1: at("lambda_k1"),
      query2: at("lambda_q2"),
      key2: at("lambda_k2"),
      out: column(at("o_proj.weight")),
    }).map(([name, tensor]) => [name, storedWeight(tensor)]),
  ) as never;
  const width = c.tensor("in.x").dim(2);
  const d = differentialAttention.dims(config, width);
  const attend = (x: Tensor) => differentialAttention.forward(x, { c: config, d, p, s: {}, b: {}, io: storedIo() }).y;
  const headSize = width / settings.num_attention_heads;
  return { outputs: { "out.y": layer(c, attend, 1e-5), ...ropeTables(c, positions, { headSize }) } };
}

/** Value heads p and p + pairs beside each other. */
function pairedRows(weight: Tensor, pairs: number): Tensor {
  const [first, second] = weight.reshape([2, pairs, -1, weight.dim(1)]).split(0, [1, 1]) as [Tensor, Tensor];
  return concat(2, [first, second]).reshape(weight.shape);
}

function doge(c: GoldenCase): GoldenGraph | Absent {
  const settings = settingsOf(c);
  const positions = ropeOf(settings);
  if (typeof positions === "string") return positions;
  const { num_attention_heads: heads, num_key_value_heads: kvHeads, keep_window_size: kept } = settings;
  const at = (name: string) => c.tensor(`param.self_attn.${name}`);
  const maps = fourMaps(c, "self_attn", ["q_proj", "k_proj", "v_proj", "o_proj"]);
  const others = {
    queryGain: at("q_norm.weight"),
    keyGain: at("k_norm.weight"),
    valueBiasScale: at("A"),
    valueBias: at("dt_proj.weight").transpose([1, 0]),
  };
  const options = { heads, kvHeads, positions, qkNorm: "rms", normEpsilon: 1e-6, dynamicMask: kept };
  const y = layer(c, (x) => attentionOf(x, { ...maps, others }, { options }).y, 1e-6);
  return { outputs: { "out.y": y, ...ropeTables(c, positions, { headSize: maps.out.weight.dim(1) / heads }) } };
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "diffllama-layer", build: diffLlama },
  { kind: "blocks", component: "doge-layer", build: doge },
];
