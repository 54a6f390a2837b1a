/** Mixtures of experts of transformers: Mixtral, Granite, Qwen2 and Qwen3, and Switch. */

import { routeTopK } from "../../ops/index.ts";
import { stack, type Tensor } from "../../tensor/index.ts";
import { ropeOf, ropeTables, settingsOf } from "../../testing/goldens/hf-attention.fixture.ts";
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { plainIo, weightsFrom } from "../../testing/part.ts";
import { moe } from "./moe.ts";

type Options = Partial<ReturnType<typeof moe.config.parse>>;

const columns = (w: Tensor) => w.swap(-1, -2);

function mixture(
  x: Tensor,
  { options, tensors }: { options: Options; tensors: Readonly<Record<string, Tensor>> },
): Tensor {
  const hidden = tensors.up!.dim(2);
  const c = moe.config.parse({ ...options, hidden });
  const p = weightsFrom(tensors) as Parameters<typeof moe.forward>[1]["p"];
  return moe.forward(x, { c, d: { ...moe.dims(c, x.dim(-1)) }, p, b: {}, io: plainIo("eval") }).y;
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
  { kind: "blocks", component: "switch-mlp", build: switchMlp },
];
