/** PyTorch's nn.LSTM, nn.GRU and nn.RNN: layers, each fed the one below. Weights stand as [gates·H, inputs], two biases that add. */

import { concat, iota, stack, type Tensor } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import type { Io } from "../define.ts";
import { bothWays, type Direction } from "./both-ways.ts";
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

/** One direction's states of a layer lie at `index` of the stored ones. */
function torchStack(c: GoldenCase, states: readonly string[], layer: Layer): GoldenGraph {
  const x = c.tensor("in.x");
  const mask = c.has("in.lengths") ? iota(x.dim(1)).less(c.tensor("in.lengths").unsqueeze(1)) : undefined;
  const io = goldenIo(mask && { mask_BT: mask });
  const directions = c.flag("bidirectional") ? 2 : 1;
  const last: Record<string, Tensor>[] = [];
  const run = (l: number, direction: Direction) => (tokens: Tensor, its: Io) => {
    const index = l * directions + (direction === "back" ? 1 : 0);
    const result = layer(tokens, {
      read: (name) => c.maybe(`param.${name}_l${l}${direction === "back" ? "_reverse" : ""}`),
      s: Object.fromEntries(states.map((name) => [name, c.maybe(`state.in.${name}`)?.at(0, index)])),
      io: its,
    });
    last[index] = result.s;
    return result;
  };
  let y = x;
  for (let l = 0; l < c.number("num_layers", 1); l++) {
    if (directions === 1) y = run(l, "ahead")(y, io).y;
    else {
      const both = bothWays(y, io, (tokens, direction, its) => run(l, direction)(tokens, its));
      y = concat(-1, [both.ahead.y, both.back.y]);
    }
  }
  const final = states.map((name) => [
    `state.out.${name}`,
    stack(
      0,
      last.map((s) => s[name]!),
    ),
  ]);
  return { outputs: { "out.y": mask ? y.mul(mask.cast("f32").unsqueeze(-1)) : y, ...Object.fromEntries(final) } };
}

const lstmLayer: Layer = (x, { read, s, io }) => {
  const order = [0, 1, 3, 2]; // i, f, g, o → i, f, o, g
  const column = (name: string) => gateColumns(read(name)!, order);
  const recurrent = column("weight_hh");
  const biases = read("bias_ih") && { bias: weightOf(column("bias_ih").add(column("bias_hh"))) };
  const projection = read("weight_hr");
  const config = lstm.config.parse({
    hidden: recurrent.dim(1) / 4,
    bias: biases !== undefined,
    ...(projection && { projection: projection.dim(0) }),
  });
  return lstm.forward(x, {
    c: config,
    d: lstm.dims(config, x.dim(-1)),
    p: {
      input: weightOf(column("weight_ih")),
      recurrent: weightOf(recurrent),
      ...biases,
      ...(projection && { projection: weightOf(projection.transpose([1, 0])) }),
    },
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
