/** Mixtures whose choices, experts or serving differ from Mixtral's: gpt-oss, Llama 4, LongCat, Phi-3.5, NLLB, ST-MoE. */

import {
  balanceLoss,
  capacityDispatch,
  oneHot,
  type Routing,
  routerZLoss,
  routeSparseMixer,
  routeTopK,
} from "../../ops/index.ts";
import { stack, type Tensor } from "../../tensor/index.ts";
import { ropeOf, ropeTables, settingsOf } from "../../testing/goldens/hf-attention.fixture.ts";
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { plainIo, weightsFrom } from "../../testing/part.ts";
import { exactExperts } from "./experts.ts";
import { moe } from "./moe.ts";
import { routeTokens } from "./moe-routing.ts";

interface Given {
  options: Partial<ReturnType<typeof moe.config.parse>>;
  tensors: Readonly<Record<string, Tensor>>;
  buffers?: Readonly<Record<string, Tensor>>;
}

const columns = (w: Tensor) => w.swap(-1, -2);
const halves = (w: Tensor, axis: number) => w.split(axis, [w.dim(axis) / 2, w.dim(axis) / 2]) as [Tensor, Tensor];

/** The mixture's output, and what its router says of every token. */
function mixture(x: Tensor, { options, tensors, buffers = {} }: Given): { y: Tensor; routing: Routing } {
  const c = moe.config.parse({ ...options, hidden: tensors.up!.dim(2) });
  const p = weightsFrom(tensors) as Parameters<typeof moe.forward>[1]["p"];
  const io = plainIo("eval");
  const { y } = moe.forward(x, { c, d: moe.dims(c, x.dim(-1)), p, b: buffers, io });
  const router = { c, k: c.topK, p, bias_E: buffers.choiceBias, io, real: undefined };
  return { y, routing: routeTokens(x.reshape([-1, x.dim(-1)]), router).routing };
}

/** Logits, weights and experts under the names by which transformers' routers return them. */
function routerOutputs(x: Tensor, weights: { router: Tensor; bias?: Tensor }, routing: Routing) {
  const logits = x.reshape([-1, x.dim(-1)]).matmul(weights.router, { transB: true });
  return {
    "out.router.0": weights.bias ? logits.add(weights.bias) : logits,
    "out.router.1": routing.weights_NK,
    "out.router.2": routing.experts_NK,
  };
}

/** Tables that a case holds, for heads of a given size and the model's own base. */
function tables(c: GoldenCase, { headSize, base }: { headSize: number; base: number }) {
  const positions = ropeOf({ rope_parameters: { rope_theta: base }, ...settingsOf(c) });
  return typeof positions === "string" ? positions : ropeTables(c, positions, { headSize });
}

function gptOss(c: GoldenCase): GoldenGraph | Absent {
  const settings = settingsOf(c);
  const [router, bias] = [c.tensor("param.router.weight"), c.tensor("param.router.bias")];
  const every = (name: string, start: 0 | 1) =>
    c.tensor(`param.experts.${name}`).slice(-1, start, Number.POSITIVE_INFINITY, 2);
  const x = c.tensor("in.x");
  const { y, routing } = mixture(x, {
    options: {
      experts: router.dim(0),
      topK: Number(settings.num_experts_per_tok),
      routerBias: true,
      expertBias: true,
      activation: "gelu-sigmoid",
      limit: 7,
      upOffset: 1,
    },
    tensors: {
      router: columns(router),
      routerBias: bias,
      gate: every("gate_up_proj", 0),
      up: every("gate_up_proj", 1),
      gateBias: every("gate_up_proj_bias", 0),
      upBias: every("gate_up_proj_bias", 1),
      down: c.tensor("param.experts.down_proj"),
      downBias: c.tensor("param.experts.down_proj_bias"),
    },
  });
  const turned = tables(c, { headSize: Number(settings.head_dim), base: 10_000 });
  if (typeof turned === "string") return turned;
  return { outputs: { "out.y": y, ...turned, ...routerOutputs(x, { router, bias }, routing) } };
}

function llama4(c: GoldenCase): GoldenGraph {
  const router = c.tensor("param.router.weight");
  const [gate, up] = halves(c.tensor("param.experts.gate_up_proj"), 2);
  const shared = (name: string) => columns(c.tensor(`param.shared_expert.${name}_proj.weight`));
  const x = c.tensor("in.x");
  const { y } = mixture(x, {
    options: {
      experts: router.dim(0),
      topK: Number(settingsOf(c).num_experts_per_tok),
      routing: "topk-of-sigmoid",
      weighting: "input",
      shared: shared("up").dim(1),
    },
    tensors: {
      router: columns(router),
      gate,
      up,
      down: c.tensor("param.experts.down_proj"),
      sharedGate: shared("gate"),
      sharedUp: shared("up"),
      sharedDown: shared("down"),
    },
  });
  return { outputs: { "out.y": y.reshape(c.stored["out.y"]!.shape) } };
}

/** There rows of gate and up exist for the experts without parameters too. */
function longcat(c: GoldenCase): GoldenGraph | Absent {
  const settings = settingsOf(c);
  const router = c.tensor("param.router.classifier.weight");
  const down = c.tensor("param.experts.down_proj");
  const experts = down.dim(0);
  const [gate, up] = halves(c.tensor("param.experts.gate_up_proj").slice(0, 0, experts), 1);
  const x = c.tensor("in.x");
  const { y, routing } = mixture(x, {
    options: {
      experts,
      zeroExperts: router.dim(0) - experts,
      topK: Number(settings.moe_topk),
      routing: "topk-of-softmax",
      biasSpeed: 0.001,
      scale: Number(settings.routed_scaling_factor),
    },
    tensors: { router: columns(router), gate: columns(gate), up: columns(up), down: columns(down) },
    buffers: { choiceBias: c.tensor("param.router.e_score_correction_bias") },
  });
  const turned = tables(c, { headSize: Number(settings.qk_rope_head_dim), base: 1e7 });
  if (typeof turned === "string") return turned;
  return { outputs: { "out.y": y, ...turned, ...routerOutputs(x, { router }, routing) } };
}

function phimoe(c: GoldenCase): GoldenGraph | Absent {
  const settings = settingsOf(c);
  const router = c.tensor("param.router.weight");
  const [gate, up] = halves(c.tensor("param.experts.gate_up_proj"), 1);
  const x = c.tensor("in.x");
  const x_ND = x.reshape([-1, x.dim(-1)]);
  const logits = x_ND.matmul(router, { transB: true });
  const routing = routeSparseMixer(logits, { k: Number(settings.num_experts_per_tok), tolerance: 0.01 });
  const experts = {
    gate_EDF: columns(gate),
    up_EDF: columns(up),
    down_EFD: columns(c.tensor("param.experts.down_proj")),
    unit: { activation: "silu" },
  } as const;
  const turned = tables(c, { headSize: x.dim(-1) / settings.num_attention_heads, base: 1e6 });
  if (typeof turned === "string") return turned;
  const y = exactExperts(x_ND, { routing }, { experts, form: "blocks" }).reshape(x.shape);
  return { outputs: { "out.y": y, ...turned, ...routerOutputs(x, { router }, routing) } };
}

/** All tokens of the batch are one queue; its capacity is a share of them. */
function nllbRouter(c: GoldenCase): GoldenGraph {
  const x_ND = c.tensor("in.x");
  const logits = x_ND.matmul(c.tensor("param.classifier.weight"), { transB: true });
  const { weights_NK, chosen_NKE } = routeTopK(logits, { k: 2, renormalise: true });
  const capacity = Math.ceil(Number(settingsOf(c).moe_eval_capacity_token_fraction) * x_ND.dim(0));
  const { served_NK } = capacityDispatch({ chosen_NKE, sequences: 1, capacity, order: "choices" });
  const kept = chosen_NKE.mul(served_NK!.unsqueeze(-1));
  return {
    outputs: {
      "out.y": weights_NK.unsqueeze(-1).mul(kept).sum(1),
      "out.0": kept.at(1, 0).cast("i32"),
      "out.2": logits,
    },
  };
}

/** A factor of the hidden layer is part of the second map here. */
function stMoe(c: GoldenCase): GoldenGraph {
  const { num_experts: experts, gating_top_n: topK } = c.config.args as Readonly<Record<string, number>>;
  const each = (name: string) =>
    Array.from({ length: experts! }, (_, e) => c.tensor(`param.experts.experts.${e}.${name}`));
  const [up, gate] = halves(stack(0, each("net.0.weight")), 1);
  const [upBias, gateBias] = halves(stack(0, each("net.0.bias")), 1);
  const factors = stack(0, each("net.1.mult_bias")).unsqueeze(-1);
  const router = c.tensor("param.gate.to_gates.weight");
  const x = c.tensor("in.x");
  const { y } = mixture(x, {
    options: {
      experts: experts!,
      topK: topK!,
      expertBias: true,
      activation: "gelu",
      order: "choices",
      capacityFactor: 1,
      weighting: "straight-through",
    },
    tensors: {
      router: columns(router),
      gate: columns(gate),
      up: columns(up),
      down: columns(stack(0, each("net.2.weight"))).mul(factors),
      gateBias,
      upBias,
      downBias: stack(0, each("net.2.bias")),
    },
  });
  const logits = x.matmul(router, { transB: true });
  const chosen = oneHot(logits.argmax(-1), experts!).unsqueeze(2);
  const balance = balanceLoss({ probs: logits.softmax(-1), chosen });
  const z = routerZLoss(logits.reshape([-1, experts!]));
  const total = balance.mul(0.01).add(z.mul(0.001));
  return { outputs: { "out.y": y, "out.balance": balance, "out.z": z, "out.total_aux": total } };
}

const builders: Readonly<Record<string, (c: GoldenCase) => GoldenGraph | Absent>> = {
  "gpt-oss-moe": gptOss,
  "llama4-moe": llama4,
  "longcat-moe": longcat,
  phimoe,
  "nllb-router": nllbRouter,
  "st-moe": stMoe,
};

export const adapters: readonly GoldenAdapter[] = Object.entries(builders).map(([component, build]) => ({
  kind: "blocks",
  component,
  build,
}));
