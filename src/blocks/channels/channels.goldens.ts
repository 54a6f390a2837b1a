/** Feed-forward nets of transformers (Llama's MLP) and x-transformers; linear weights are [out, in]. */

import type { Tensor } from "../../tensor/index.ts";
import { ropeOf, ropeTables, settingsOf } from "../../testing/goldens/hf-attention.fixture.ts";
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { plainIo, weightsFrom } from "../../testing/part.ts";
import type { ActivationKind } from "./activation.ts";
import type { HiddenActivation } from "./learned-activation.ts";
import { mlp } from "./mlp.ts";
import { swiglu } from "./swiglu.ts";

const columns = (w: Tensor) => w.transpose([1, 0]);

interface Net {
  activation: HiddenActivation;
  gate?: Tensor | undefined;
  up: Tensor;
  down: Tensor;
  gateBias?: Tensor | undefined;
  upBias?: Tensor | undefined;
  downBias?: Tensor | undefined;
  activationGain?: Tensor | undefined;
  /** Of a norm behind the hidden layer, or where there is a gate a factor of it. */
  hiddenGain?: Tensor | undefined;
  softClamp?: boolean;
}

/** Our net with weights as stored. */
function netOf(x: Tensor, { activation, gate, up, down, softClamp, ...vectors }: Net): Tensor {
  const bias = vectors.downBias !== undefined;
  const own = weightsFrom({ up: columns(up), down: columns(down), ...vectors });
  const at = { d: { D: x.dim(-1), F: up.dim(0) }, b: {}, io: plainIo("eval") };
  const options = { activation, bias, hidden: up.dim(0) };
  const extra = vectors.hiddenGain !== undefined;
  if (!gate) {
    const config = mlp.config.parse({ ...options, hiddenNorm: extra });
    return mlp.forward(x, { ...at, c: config, p: own as Parameters<typeof mlp.forward>[1]["p"] }).y;
  }
  const config = swiglu.config.parse({ ...options, hiddenGain: extra, ...(softClamp && { softClamp: {} }) });
  const p = { ...own, ...weightsFrom({ gate: columns(gate) }) } as Parameters<typeof swiglu.forward>[1]["p"];
  return swiglu.forward(x, { ...at, c: config, p }).y;
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

const expressible = [
  "mult",
  "glu",
  "swish",
  "relu_squared",
  "no_bias",
  "glu_mult_bias",
  "post_act_ln",
  "solu",
  "glu_softclamp",
];

function feedForward(c: GoldenCase): GoldenGraph | Absent {
  const options = c.config.options as Readonly<Record<string, unknown>>;
  const other = Object.keys(options).find((name) => !expressible.includes(name));
  if (other) return `absent: ${other}`;
  const activation = options.solu ? "solu" : options.relu_squared ? "relu-squared" : options.swish ? "silu" : "gelu";
  const last = options.post_act_ln ? "param.ff.3" : "param.ff.2";
  const own = {
    activation,
    softClamp: options.glu_softclamp === true,
    down: c.tensor(`${last}.weight`),
    downBias: c.maybe(`${last}.bias`),
    activationGain: c.maybe("param.ff.0.1.norm.gamma"),
    hiddenGain: c.maybe("param.ff.0.mult_bias") ?? c.maybe("param.ff.1.gamma"),
  } as const;
  const first = options.glu ? "param.ff.0.proj" : "param.ff.0.0";
  const [weight, bias] = [c.tensor(`${first}.weight`), c.maybe(`${first}.bias`)];
  if (!options.glu) return { outputs: { "out.y": netOf(c.tensor("in.x"), { ...own, up: weight, upBias: bias }) } };
  const halves = (t: Tensor) => t.split(0, [t.dim(0) / 2, t.dim(0) / 2]);
  const [[up, gate], [upBias, gateBias]] = [halves(weight), bias ? halves(bias) : []];
  return { outputs: { "out.y": netOf(c.tensor("in.x"), { ...own, up: up!, gate, upBias, gateBias }) } };
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "swiglu-mlp", build: llamaMlp },
  { kind: "blocks", component: "xt-feed-forward", build: feedForward },
];
