/** Feed-forward nets of transformers (Llama's MLP) and x-transformers; linear weights are [out, in]. */

import type { Tensor } from "../../tensor/index.ts";
import { ropeOf, ropeTables, settingsOf } from "../../testing/goldens/hf-attention.fixture.ts";
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { plainIo, weightsFrom } from "../../testing/part.ts";
import type { ActivationKind } from "./activation.ts";
import { mlp } from "./mlp.ts";
import { swiglu } from "./swiglu.ts";

const columns = (w: Tensor) => w.transpose([1, 0]);

interface Net {
  activation: ActivationKind;
  gate?: Tensor | undefined;
  up: Tensor;
  down: Tensor;
  gateBias?: Tensor | undefined;
  upBias?: Tensor | undefined;
  downBias?: Tensor | undefined;
}

/** Our net with weights as stored. */
function netOf(x: Tensor, { activation, gate, up, down, ...biases }: Net): Tensor {
  const given = Object.entries(biases).filter((entry): entry is [string, Tensor] => entry[1] !== undefined);
  const bias = given.length > 0;
  const own = weightsFrom({ up: columns(up), down: columns(down), ...Object.fromEntries(given) });
  const at = { d: { D: x.dim(-1), F: up.dim(0) }, b: {}, io: plainIo("eval") };
  const options = { activation, bias, hidden: up.dim(0) };
  if (!gate) return mlp.forward(x, { ...at, c: mlp.config.parse(options), p: own }).y;
  return swiglu.forward(x, {
    ...at,
    c: swiglu.config.parse(options),
    p: { ...own, ...weightsFrom({ gate: columns(gate) }) },
  }).y;
}

function llamaMlp(c: GoldenCase): GoldenGraph | Absent {
  const settings = settingsOf(c);
  const part = (name: string, field: string) => c.maybe(`param.${name}_proj.${field}`);
  const y = netOf(c.tensor("in.x"), {
    activation: (settings.hidden_act as ActivationKind | undefined) ?? "silu",
    gate: part("gate", "weight"),
    up: part("up", "weight")!,
    down: part("down", "weight")!,
    gateBias: part("gate", "bias"),
    upBias: part("up", "bias"),
    downBias: part("down", "bias"),
  });
  const positions = ropeOf(settings);
  if (typeof positions === "string") return positions;
  return {
    outputs: {
      "out.y": y,
      ...ropeTables(c, positions, { headSize: Number(settings.hidden_size) / settings.num_attention_heads }),
    },
  };
}

const expressible = ["mult", "glu", "swish", "relu_squared", "no_bias"];

function feedForward(c: GoldenCase): GoldenGraph | Absent {
  const options = c.config.options as Readonly<Record<string, unknown>>;
  const other = Object.keys(options).find((name) => !expressible.includes(name));
  if (other) return `absent: ${other}`;
  const activation = options.relu_squared ? "relu-squared" : options.swish ? "silu" : "gelu";
  const down = { down: c.tensor("param.ff.2.weight"), downBias: c.maybe("param.ff.2.bias") };
  const first = options.glu ? "param.ff.0.proj" : "param.ff.0.0";
  const [weight, bias] = [c.tensor(`${first}.weight`), c.maybe(`${first}.bias`)];
  if (!options.glu)
    return { outputs: { "out.y": netOf(c.tensor("in.x"), { activation, up: weight, upBias: bias, ...down }) } };
  const halves = (t: Tensor) => t.split(0, [t.dim(0) / 2, t.dim(0) / 2]);
  const [[up, gate], [upBias, gateBias]] = [halves(weight), bias ? halves(bias) : []];
  return { outputs: { "out.y": netOf(c.tensor("in.x"), { activation, up: up!, gate, upBias, gateBias, ...down }) } };
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "swiglu-mlp", build: llamaMlp },
  { kind: "blocks", component: "xt-feed-forward", build: feedForward },
];
