/** Mixtures of experts of transformers: Mixtral, Granite, Qwen2 and Qwen3, DeepSeek and its kin, and Switch. */

import { type Routing, routeTopK } from "../../ops/index.ts";
import { constant, stack, type Tensor, where } from "../../tensor/index.ts";
import { ropeOf, ropeTables, settingsOf } from "../../testing/goldens/hf-attention.fixture.ts";
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { plainIo, weightsFrom } from "../../testing/part.ts";
import { moe } from "./moe.ts";
import { routeTokens } from "./moe-routing.ts";

type Options = Partial<ReturnType<typeof moe.config.parse>>;

const columns = (w: Tensor) => w.swap(-1, -2);

function mixture(
  x: Tensor,
  {
    options,
    tensors,
    buffers = {},
  }: { options: Options; tensors: Readonly<Record<string, Tensor>>; buffers?: Readonly<Record<string, Tensor>> },
): Tensor {
  const hidden = tensors.up!.dim(2);
  const c = moe.config.parse({ ...options, hidden });
  const p = weightsFrom(tensors) as Parameters<typeof moe.forward>[1]["p"];
  return moe.forward(x, { c, d: { ...moe.dims(c, x.dim(-1)) }, p, b: buffers, io: plainIo("eval") }).y;
}

/** Which weights the chosen get: absent `norm_topk_prob` means that the model always divides by their sum. */
const renormalises: Readonly<Record<string, boolean>> = {
  "mixtral-moe": true,
  "granite-moe": true,
  "qwen2-moe": false,
  "qwen3-moe": false,
};

function gatedExperts(c: GoldenCase): GoldenGraph | Absent {
  const settings = settingsOf(c);
  const router = c.maybe("param.gate.weight") ?? c.tensor("param.router.weight");
  const [gate, up] = halves(c.tensor("param.experts.gate_up_proj"));
  const shared = (name: string) => c.maybe(`param.shared_expert.${name}_proj.weight`);
  const topK = Number(settings.num_experts_per_tok);
  const renormalise =
    settings.norm_topk_prob === undefined ? renormalises[c.component]! : Boolean(settings.norm_topk_prob);
  const x = c.tensor("in.x");
  const y = mixture(x, {
    options: {
      experts: router.dim(0),
      topK,
      routing: renormalise ? "softmax-topk-renormalise" : "topk-of-softmax",
      shared: shared("up")?.dim(0) ?? null,
      sharedGate: c.has("param.shared_expert_gate.weight"),
    },
    tensors: {
      router: columns(router),
      gate: columns(gate!),
      up: columns(up!),
      down: columns(c.tensor("param.experts.down_proj")),
      ...(shared("up") && {
        sharedGate: columns(shared("gate")!),
        sharedUp: columns(shared("up")!),
        sharedDown: columns(shared("down")!),
        sharedMix: columns(c.tensor("param.shared_expert_gate.weight")),
      }),
    },
  });
  // Mixtral's own default base is 10⁶.
  const positions = ropeOf(
    c.component === "mixtral-moe" ? { rope_parameters: { rope_theta: 1e6 }, ...settings } : settings,
  );
  if (typeof positions === "string") return positions;
  const tables = ropeTables(c, positions, { headSize: Number(settings.hidden_size) / settings.num_attention_heads });
  return { outputs: { "out.y": y, ...tables, ...routerOutputs(c, { x, router, topK, renormalise }) } };
}

function routerOutputs(
  c: GoldenCase,
  { x, router, topK, renormalise }: { x: Tensor; router: Tensor; topK: number; renormalise: boolean },
): Record<string, Tensor> {
  if (!c.has("out.gate.0")) return {};
  const logits = x.reshape([-1, x.dim(-1)]).matmul(router, { transB: true });
  const { weights_NK, experts_NK } = routeTopK(logits, { k: topK, renormalise });
  return { "out.gate.0": logits, "out.gate.1": weights_NK, "out.gate.2": experts_NK };
}

function biasedOptions(c: GoldenCase, { router, bias }: { router: Tensor; bias: Tensor | undefined }): Options {
  const settings = settingsOf(c);
  const second = c.component === "deepseek-moe" && bias === undefined;
  const sigmoid = bias !== undefined && c.component !== "ernie4-5-moe";
  const renormalise = !second && settings.norm_topk_prob !== false;
  const limited = second ? settings.topk_method === "group_limited_greedy" : sigmoid;
  return {
    experts: router.dim(0),
    topK: Number(settings.num_experts_per_tok ?? settings.moe_k),
    routing: sigmoid
      ? renormalise
        ? "sigmoid-topk-renormalise"
        : "topk-of-sigmoid"
      : renormalise
        ? "softmax-topk-renormalise"
        : "topk-of-softmax",
    ...(limited && { groups: Number(settings.n_group), keptGroups: Number(settings.topk_group) }),
    groupScore: second ? "largest" : "two-largest",
    biasSpeed: bias ? 0.001 : 0,
    // What the models' classes take where the case names none.
    scale: Number(settings.routed_scaling_factor ?? (sigmoid && c.component === "deepseek-moe" ? 2.5 : 1)),
    shared: c.tensor("param.shared_experts.up_proj.weight").dim(0),
  };
}

function biasedTensors(c: GoldenCase, router: Tensor) {
  const [gate, up] = halves(c.tensor("param.experts.gate_up_proj"));
  const shared = (name: string) => columns(c.tensor(`param.shared_experts.${name}_proj.weight`));
  return {
    router: columns(router),
    gate: columns(gate!),
    up: columns(up!),
    down: columns(c.tensor("param.experts.down_proj")),
    sharedGate: shared("gate"),
    sharedUp: shared("up"),
    sharedDown: shared("down"),
  };
}

/** Experts chosen with biases and within groups, beside shared ones: DeepSeek-V2 and V3, GLM-4.5, ERNIE 4.5. */
function biasedExperts(c: GoldenCase): GoldenGraph | Absent {
  const settings = settingsOf(c);
  const router = c.tensor("param.gate.weight");
  const bias =
    c.maybe("param.gate.e_score_correction_bias") ?? c.maybe("param.gate.moe_statics.e_score_correction_bias");
  const options = biasedOptions(c, { router, bias });
  const tensors = biasedTensors(c, router);
  const x = c.tensor("in.x");
  const logits = x.reshape([-1, x.dim(-1)]).matmul(router, { transB: true });
  const choiceBias = bias?.reshape([-1]);
  const routed = routeOf(x, { options, router: tensors.router, choiceBias });
  const positions = ropeOf(
    c.component === "ernie4-5-moe" ? { rope_parameters: { rope_theta: 500_000 }, ...settings } : settings,
  );
  if (typeof positions === "string") return positions;
  const rotated = c.stored["out.rope_cos"]?.shape.at(-1) ?? 0;
  return {
    outputs: {
      "out.y": mixture(x, { options, tensors, buffers: choiceBias ? { choiceBias } : {} }),
      ...ropeTables(c, { ...positions, rotaryFraction: 1 }, { headSize: rotated }),
      ...(c.has("out.gate.0") && { "out.gate.0": logits, ...inStoredOrder(c, routed) }),
    },
  };
}

/** The chosen of a token stand in no order there: ours at the places of the same experts, 0 where that is not chosen here. */
function inStoredOrder(c: GoldenCase, { experts_NK, weights_NK }: Routing): Record<string, Tensor> {
  const stored_NK = constant(c.values("out.gate.2"), experts_NK.shape, "i32");
  const same_NKK = where(stored_NK.unsqueeze(2).equal(experts_NK.unsqueeze(1)), 1, 0);
  const placed = (t_NK: Tensor) => t_NK.unsqueeze(1).mul(same_NKK).sum(-1);
  return { "out.gate.1": placed(weights_NK), "out.gate.2": placed(experts_NK.cast("f32")).cast("i32") };
}

function routeOf(
  x: Tensor,
  { options, router, choiceBias }: { options: Options; router: Tensor; choiceBias: Tensor | undefined },
): Routing {
  const c = moe.config.parse(options);
  const { router: weight } = weightsFrom({ router });
  const at = { c, k: c.topK, p: { router: weight }, bias_E: choiceBias, io: plainIo("eval"), real: undefined };
  return routeTokens(x.reshape([-1, x.dim(-1)]), at).routing;
}

function halves(w: Tensor): Tensor[] {
  return w.split(1, [w.dim(1) / 2, w.dim(1) / 2]);
}

function switchMlp(c: GoldenCase): GoldenGraph {
  const settings = settingsOf(c);
  const experts = Number(settings.num_experts);
  const x = c.tensor("in.x");
  const [B, T] = [x.dim(0), x.dim(1)];
  const router = c.tensor("param.router.classifier.weight");
  const all = (name: string) =>
    columns(
      stack(
        0,
        Array.from({ length: experts }, (_, e) => c.tensor(`param.experts.expert_${e}.${name}.weight`)),
      ),
    );
  const capacity = Number(settings.expert_capacity);
  const y = mixture(x, {
    options: {
      experts,
      topK: 1,
      routing: "topk-of-softmax",
      expert: "mlp",
      activation: "relu",
      capacityFactor: (capacity * experts) / T,
    },
    tensors: { router: columns(router), up: all("wi"), down: all("wo") },
  });
  const logits = x.matmul(router, { transB: true });
  const { probs_NE, chosen_NKE } = routeTopK(logits.reshape([B * T, experts]), { k: 1, renormalise: false });
  const chosen = chosen_NKE.reshape([B, T, experts]);
  const dispatched = chosen.mul(chosen.cumsum(1).lessEqual(capacity).cast("f32"));
  return {
    outputs: {
      "out.y": y,
      "out.router.0": dispatched.cast("i32"),
      "out.router.1": probs_NE.max(-1, true).reshape([B, T, 1]),
      "out.router.2": logits,
    },
  };
}

export const adapters: readonly GoldenAdapter[] = [
  ...Object.keys(renormalises).map((component) => ({ kind: "blocks", component, build: gatedExperts })),
  ...["deepseek-moe", "ernie4-5-moe", "glm4-moe"].map((component) => ({
    kind: "blocks",
    component,
    build: biasedExperts,
  })),
  { kind: "blocks", component: "switch-mlp", build: switchMlp },
];
