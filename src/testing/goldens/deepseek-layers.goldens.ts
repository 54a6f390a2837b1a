/** DeepSeek-V3's layers: latent attention, then experts; all tokens at once, and piece by piece with their caches. */
import { moe } from "../../blocks/channels/moe.ts";
import { deepseekMla } from "../../blocks/mixers/mla.goldens.ts";
import { mla } from "../../blocks/mixers/mla.ts";
import { concat, constant, type Tensor } from "../../tensor/index.ts";
import { advance, type Decoding, fieldOf, startDecoding } from "../decoder.ts";
import type { Absent, GoldenAdapter, GoldenGraph } from "./adapter.ts";
import { storedIo, storedWeight } from "./attention-of.fixture.ts";
import type { GoldenCase } from "./golden-case.ts";
import { ropeTables, settingsOf } from "./hf-attention.fixture.ts";
import { normOf, type Sublayer } from "./layer-parts.fixture.ts";

const columns = (w: Tensor) => w.swap(-1, -2);

/** Experts chosen by sigmoids with biases, within the best groups, and one that serves all. */
function experts(c: GoldenCase, module: string): Sublayer {
  const settings = settingsOf(c);
  const at = (name: string) => c.tensor(`param.${module}.${name}`);
  const joined = at("experts.gate_up_proj");
  const [gate, up] = joined.split(1, [joined.dim(1) / 2, joined.dim(1) / 2]) as [Tensor, Tensor];
  const shared = (name: string) => columns(at(`shared_experts.${name}_proj.weight`));
  const config = moe.config.parse({
    experts: joined.dim(0),
    topK: settings.num_experts_per_tok,
    routing: "sigmoid-topk-renormalise",
    groups: settings.n_group,
    keptGroups: settings.topk_group,
    biasSpeed: 0.001,
    scale: 2.5,
    hidden: up.dim(1),
    shared: shared("up").dim(1),
  });
  const tensors = {
    router: columns(at("gate.weight")),
    gate: columns(gate),
    up: columns(up),
    down: columns(at("experts.down_proj")),
    sharedGate: shared("gate"),
    sharedUp: shared("up"),
    sharedDown: shared("down"),
  };
  const p = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, storedWeight(tensor)])) as never;
  const b = { choiceBias: at("gate.e_score_correction_bias") };
  return (x) => moe.forward(x, { c: config, d: { ...moe.dims(config, x.dim(-1)) }, p, b, io: storedIo() }).y;
}

/** x + attention, then + experts, each behind its norm. */
function through(x: Tensor, c: GoldenCase, { module, attend }: { module: string; attend: Sublayer }): Tensor {
  const norm = (name: string) => normOf(c, `${module}${name}`, { kind: "rms", epsilon: 1e-6 });
  const a = x.add(attend(norm("input_layernorm")(x)));
  return a.add(experts(c, `${module}mlp`)(norm("post_attention_layernorm")(a)));
}

function layer(c: GoldenCase): GoldenGraph | Absent {
  const found = deepseekMla(c, "self_attn.");
  if (typeof found === "string") return found;
  const attend = (x: Tensor) => mla.forward(x, { ...found.part, s: {}, io: storedIo() }).y;
  const y = through(c.tensor("in.x"), c, { module: "", attend });
  return { outputs: { "out.y": y, ...ropeTables(c, found.positions, { headSize: found.headSize }) } };
}

function cached(c: GoldenCase): GoldenGraph | Absent {
  const module = "layers.0.";
  const found = deepseekMla(c, `${module}self_attn.`);
  if (typeof found === "string") return found;
  const { part } = found;
  const x = c.tensor("in.x");
  const [batch, tokens, prefix] = [x.dim(0), x.dim(1), c.number("prefix")];
  const final = normOf(c, "norm", { kind: "rms", epsilon: 1e-6 });
  const whole = through(x, c, { module, attend: (t) => mla.forward(t, { ...part, s: {}, io: storedIo() }).y });
  const states = mla.state(part.d, part.c) as unknown as Parameters<typeof startDecoding>[0];
  let cache: Decoding = startDecoding(states, { batch, capacity: tokens + 2 });
  let from = 0;
  const pieces = [prefix, ...new Array<number>(tokens - prefix).fill(1)].map((count) => {
    const attend = (t: Tensor) => {
      const length_B = constant(new Array<number>(batch).fill(from), [batch], "i32");
      const { y, s } = mla.forward(t, { ...part, s: cache.fields, io: storedIo({ length_B }) });
      cache = advance(states, cache, s as Readonly<Record<string, Tensor>>, new Array<number>(batch).fill(count));
      return y;
    };
    const y = through(x.slice(1, from, from + count), c, { module, attend });
    from += count;
    return y;
  });
  const stored = (name: string) =>
    concat(
      0,
      Array.from({ length: batch }, (_, b) => fieldOf(states[name]!, cache, name, b)),
    ).unsqueeze(1);
  return {
    outputs: {
      "out.full": final(whole),
      "out.incremental": final(concat(1, pieces)),
      "state.out.k0": stored("latent"),
      "state.out.v0": firstsThenSeconds(stored("rotated")),
    },
  };
}

/** The source keeps the first features of all pairs, then the second ones. */
const firstsThenSeconds = (x: Tensor): Tensor =>
  concat(
    -1,
    [0, 1].map((start) => x.slice(-1, start, Number.POSITIVE_INFINITY, 2)),
  );

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "deepseek-layer", build: layer },
  { kind: "blocks", component: "deepseek-cache", build: cached },
];
