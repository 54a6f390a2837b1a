/** torchscale's layer. Its form by steps divides scores by less than the parallel one, which the norm undoes but for ε. */
import { concat, type Tensor, zeros } from "../../tensor/index.ts";
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { columnsOf } from "./mamba-2.goldens.ts";
import { retention } from "./retention.ts";
import { goldenIo } from "./rnn-golden-weights.fixture.ts";

function build(c: GoldenCase): GoldenGraph | Absent {
  if (c.text("form") === "chunk")
    return "absent: torchscale's divisors by chunk, which the norm undoes but for ε (outputs agree, gradients to 1.6e-5)";
  const x = c.tensor("in.x");
  const D = x.dim(-1);
  const options = {
    heads: c.number("heads"),
    keyRatio: 1,
    valueRatio: c.number("value_dim") / D,
    epsilon: c.number("eps"),
    chunk: c.number("chunk_size", 64),
    gateActivation: c.text("gate") === "gelu" ? "gelu" : "silu",
  };
  const map = (name: string) => columnsOf(c.tensor(`param.${name}_proj.weight`));
  const p = { q: map("q"), k: map("k"), v: map("v"), gate: map("g"), out: map("out") };
  const at = (scoreNorm: "decay" | "decay-and-sum") => {
    const config = retention.config.parse({ ...options, scoreNorm });
    return { c: config, d: retention.dims(config, D), p, b: {}, io: goldenIo() };
  };
  const y = retention.forward(x, { ...at("decay-and-sum"), s: {} }).y;
  return { outputs: { "out.y": y, "out.step": steps(x, at("decay")) } };
}

type At = Omit<Parameters<NonNullable<typeof retention.step>>[1], "s">;

function steps(x: Tensor, at: At): Tensor {
  const shapes = retention.state(at.d, at.c);
  let s = { S: zeros([x.dim(0), ...shapes.S]), decays: zeros([x.dim(0), ...shapes.decays!]) };
  const ys = Array.from({ length: x.dim(1) }, (_, t) => {
    const result = retention.step!(x.at(1, t), { ...at, s });
    s = result.s as typeof s;
    return result.y.unsqueeze(1);
  });
  return concat(1, ys);
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "retention_layer", build }];
