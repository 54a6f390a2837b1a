/** DeepSeek's latent attention. */
import type { Tensor } from "../../tensor/index.ts";
import { storedIo, storedWeight } from "../../testing/goldens/attention-of.fixture.ts";
import { ropeOf, ropeTables, settingsOf, yarnScale } from "../../testing/goldens/hf-attention.fixture.ts";
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { mla } from "./mla.ts";

type P = Parameters<typeof mla.forward>[1]["p"];

const flipped = (weight: Tensor) => weight.transpose([1, 0]);
const weightsOf = (tensors: Readonly<Record<string, Tensor | undefined>>): P =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) => (tensor ? [[name, storedWeight(tensor)]] : [])),
  ) as P;

/** Rows by head, [H·(N + V), R], as one map a head: columns start to end of it. */
const byHead = (weight: Tensor, heads: number, [start, end]: readonly [number, number]): Tensor =>
  weight
    .reshape([heads, weight.dim(0) / heads, -1])
    .slice(1, start, end)
    .swap(1, 2);

/** Its config, weights and rotation, from the parameters below this name. */
export function deepseekMla(c: GoldenCase, module = "") {
  const settings = settingsOf(c);
  const size = (name: string) => settings[name] as number;
  const layout = settings.rope_interleave === false ? "halves" : "interleaved";
  const positions = ropeOf(settings, layout);
  if (typeof positions === "string") return positions;
  const { kind: _, ...rope } = positions;
  const [N, P] = [size("qk_nope_head_dim"), size("qk_rope_head_dim")];
  const { factor = 1, mscale_all_dim: all } = settings.rope_parameters ?? {};
  const config = mla.config.parse({
    heads: settings.num_attention_heads,
    latent: size("kv_lora_rank"),
    queryLatent: settings.q_lora_rank ?? undefined,
    plainSize: N,
    rotarySize: P,
    valueSize: size("v_head_dim"),
    rope,
    scale: (N + P) ** -0.5 * (all ? yarnScale(factor, all) ** 2 : 1),
  });
  const d = mla.dims(config, size("hidden_size"));
  return { part: { c: config, d, p: deepseekWeights(c, module, d), b: {} }, positions, headSize: P };
}

function deepseekWeights(c: GoldenCase, module: string, { H, N, V }: ReturnType<typeof mla.dims>): P {
  const at = (name: string) => c.maybe(`param.${module}${name}.weight`);
  const up = at("kv_b_proj")!;
  return weightsOf({
    queryDown: at("q_a_proj") && flipped(at("q_a_proj")!),
    queryNorm: at("q_a_layernorm"),
    query: flipped(at("q_b_proj") ?? at("q_proj")!),
    down: flipped(at("kv_a_proj_with_mqa")!),
    latentNorm: at("kv_a_layernorm"),
    keyUp: byHead(up, H, [0, N]),
    valueUp: byHead(up, H, [N, N + V]),
    out: flipped(at("o_proj")!),
  });
}

function build(c: GoldenCase): GoldenGraph | Absent {
  const found = deepseekMla(c);
  if (typeof found === "string") return found;
  const { part, positions, headSize } = found;
  const { y, probes } = mla.forward(c.tensor("in.x"), { ...part, s: {}, io: storedIo() });
  return {
    outputs: { "out.y": y, "out.weights": probes!.weights_BHTS!, ...ropeTables(c, positions, { headSize }) },
  };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "deepseek-mla", build }];
