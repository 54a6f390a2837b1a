/** PyTorch's nn.LSTM, nn.GRU and nn.RNN: layers, each fed the one below. Weights stand as [gates·H, inputs], two biases that add. */

import { concat, iota, type Tensor } from "../../tensor/index.ts";
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import type { Io } from "../define.ts";
import { gru } from "./gru.ts";
import { lstm } from "./lstm.ts";
import { rnn } from "./rnn.ts";
import { gateColumns, goldenIo, weightOf } from "./rnn-golden-weights.fixture.ts";

/** One recurrent layer over a sequence: its weights are read by their stored names without the layer's suffix. */
type Layer = (
  x_BTD: Tensor,
  at: { read: (name: string) => Tensor | undefined; s: Record<string, Tensor | undefined>; io: Io },
) => {
  y: Tensor;
  s: Record<string, Tensor>;
};

function torchStack(c: GoldenCase, states: readonly string[], layer: Layer): GoldenGraph | Absent {
  if (c.flag("bidirectional")) return "absent: bidirectional";
  if (c.config.proj_size !== undefined) return "absent: projection inside the recurrence";
  const x = c.tensor("in.x");
  const mask = c.has("in.lengths") ? iota(x.dim(1)).less(c.tensor("in.lengths").unsqueeze(1)) : undefined;
  let y = x;
  const last: Record<string, Tensor>[] = [];
  for (let l = 0; l < c.number("num_layers", 1); l++) {
    const result = layer(y, {
      read: (name) => c.maybe(`param.${name}_l${l}`),
      s: Object.fromEntries(states.map((name) => [name, c.maybe(`state.in.${name}`)?.at(0, l)])),
      io: goldenIo(mask && { mask_BT: mask }),
    });
    y = result.y;
    last.push(result.s);
  }
  const final = states.map((name) => [
    `state.out.${name}`,
    concat(
      0,
      last.map((s) => s[name]!.unsqueeze(0)),
    ),
  ]);
  return { outputs: { "out.y": mask ? y.mul(mask.cast("f32").unsqueeze(-1)) : y, ...Object.fromEntries(final) } };
}

const lstmLayer: Layer = (x, { read, s, io }) => {
  const order = [0, 1, 3, 2]; // i, f, g, o → i, f, o, g
  const column = (name: string) => gateColumns(read(name)!, order);
  const recurrent = column("weight_hh");
  const biases = read("bias_ih") && { bias: weightOf(column("bias_ih").add(column("bias_hh"))) };
  return lstm.forward(x, {
    c: { bias: biases !== undefined, forgetBias: 0 },
    d: { D: x.dim(-1), H: recurrent.dim(0) },
    p: { input: weightOf(column("weight_ih")), recurrent: weightOf(recurrent), ...biases },
    s,
    b: {},
    io,
  });
};

const rnnLayer =
  (activation: "tanh" | "relu"): Layer =>
  (x, { read, s, io }) => {
    const recurrent = read("weight_hh")!;
    const biases = read("bias_ih") && { bias: weightOf(read("bias_ih")!.add(read("bias_hh")!)) };
    return rnn.forward(x, {
      c: { bias: biases !== undefined, activation },
      d: { D: x.dim(-1), H: recurrent.dim(0) },
      p: {
        input: weightOf(read("weight_ih")!.transpose([1, 0])),
        recurrent: weightOf(recurrent.transpose([1, 0])),
        ...biases,
      },
      s,
      b: {},
      io,
    });
  };

/** The source stacks r, z, n with h = (1 − z) n + z h: its z is our 1 − z, hence the sign of those rows. */
const gruLayer: Layer = (x, { read, s, io }) => {
  const column = (name: string) => {
    const columns = gateColumns(read(name)!, [1, 0, 2]);
    const H = columns.dim(-1) / 3;
    return concat(-1, [columns.slice(-1, 0, H).neg(), columns.slice(-1, H)]);
  };
  const recurrent = column("weight_hh");
  const H = recurrent.dim(0);
  const biases = read("bias_ih") && gruBiases(column("bias_ih"), column("bias_hh"));
  return gru.forward(x, {
    c: { bias: biases !== undefined },
    d: { D: x.dim(-1), H },
    p: { input: weightOf(column("weight_ih")), recurrent: weightOf(recurrent), ...biases },
    s,
    b: {},
    io,
  });
};

function gruBiases(input: Tensor, recurrent: Tensor) {
  const H = input.dim(0) / 3;
  const gates = input.slice(0, 0, 2 * H).add(recurrent.slice(0, 0, 2 * H));
  return {
    bias: weightOf(concat(0, [gates, input.slice(0, 2 * H)])),
    candidateBias: weightOf(recurrent.slice(0, 2 * H)),
  };
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "lstm", build: (c) => torchStack(c, ["h", "c"], lstmLayer) },
  { kind: "blocks", component: "gru", build: (c) => torchStack(c, ["h"], gruLayer) },
  {
    kind: "blocks",
    component: "rnn",
    build: (c) => torchStack(c, ["h"], rnnLayer(c.text("nonlinearity", "tanh") === "relu" ? "relu" : "tanh")),
  },
];
