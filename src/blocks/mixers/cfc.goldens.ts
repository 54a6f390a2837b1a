/** ncps' CfC, plain and wired. Its layers are Linear maps [out, in] of the joined [x | h]. */

import { concat, stack, type Tensor } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { cfc } from "./cfc.ts";
import { type CfcWeights, cfcRecurrence } from "./cfc-cell.ts";
import { wiredRecurrence } from "./cfc-wired.ts";
import { type LiquidRecurrence, liquidForward } from "./liquid-scan.ts";
import { goldenIo, memoryWeights, weightOf } from "./rnn-golden-weights.fixture.ts";

type Config = ReturnType<typeof cfc.config.parse>;

function build(c: GoldenCase): GoldenGraph {
  const recurrence = c.config.wiring === undefined ? plain(c) : wired(c);
  const { h_BTH, s } = liquidForward(c.tensor("in.x"), recurrence, {
    s: { h: c.maybe("state.in.h"), c: c.maybe("state.in.c") },
    io: goldenIo(c.has("in.timespans") ? { dt_BT: c.tensor("in.timespans") } : {}),
    neurons: c.tensor("state.out.h").dim(1),
    mixedMemory: c.flag("mixed_memory"),
  });
  const outputs = c.has("param.fc.weight") ? h_BTH.dim(-1) : c.tensor("out.y").dim(-1);
  const y = h_BTH.slice(-1, -outputs);
  const projected = c.has("param.fc.weight")
    ? y.matmul(c.tensor("param.fc.weight"), { transB: true }).add(c.tensor("param.fc.bias"))
    : y;
  return { outputs: { "out.y": projected, "state.out.h": s.h, ...(s.c && { "state.out.c": s.c }) } };
}

function plain(c: GoldenCase): LiquidRecurrence {
  const config = cfc.config.parse({
    mode: c.text("mode"),
    mixedMemory: c.flag("mixed_memory"),
    backboneUnits: c.number("backbone_units"),
    backboneLayers: c.number("backbone_layers"),
    activation: c.text("activation"),
  });
  return cfcRecurrence(weights(c, { D: c.tensor("in.x").dim(-1), prefix: "param.rnn_cell." }, config), {
    mode: config.mode,
    activation: config.activation,
    layers: config.backboneLayers,
    hidden: c.number("units"),
    timed: c.has("in.timespans"),
  });
}

/** Of a stored mask [out, in + own state] the columns of the inputs; the others are all 1. */
function wired(c: GoldenCase): LiquidRecurrence {
  const config = cfc.config.parse({ mode: c.text("mode"), backboneLayers: 0 });
  const layers = [0, 1, 2].map((l) => {
    const prefix = `param.rnn_cell.layer_${l}.`;
    const mask = c.tensor(`${prefix}sparsity_mask`);
    const [neurons, columns] = [mask.dim(0), mask.dim(1)];
    const D = columns - neurons;
    return {
      weights: weights(c, { D, prefix }, config),
      neurons,
      mask: mask.slice(1, 0, D).transpose([1, 0]),
    };
  });
  const memory = c.flag("mixed_memory") ? memoryWeights(c) : {};
  return wiredRecurrence({ layers, memory, mode: config.mode, timed: c.has("in.timespans") });
}

interface Place {
  /** Inputs of the layer. */
  D: number;
  prefix: string;
}

function weights(
  c: GoldenCase,
  { D, prefix }: Place,
  { mode, backboneLayers: layers, mixedMemory }: Config,
): CfcWeights {
  const read = (name: string) => c.tensor(`${prefix}${name}`);
  const column = (name: string) => read(`${name}.weight`).transpose([1, 0]);
  const maps = mode === "pure" ? ["ff1"] : ["ff1", "ff2", "time_a", "time_b"];
  const readout = concat(1, maps.map(column));
  const readoutBias = concat(
    0,
    maps.map((name) => read(`${name}.bias`)),
  );
  const first = layers === 0 ? readout : column("backbone.0");
  const deep = Array.from({ length: Math.max(0, layers - 1) }, (_, i) => `backbone.${2 * (i + 1)}`);
  return {
    input: weightOf(first.slice(0, 0, D)),
    recurrent: weightOf(first.slice(0, D)),
    bias: weightOf(layers === 0 ? readoutBias : read("backbone.0.bias")),
    ...(layers > 0 && { readout: weightOf(readout), readoutBias: weightOf(readoutBias) }),
    ...(deep.length > 0 && {
      deep: weightOf(stack(0, deep.map(column))),
      deepBias: weightOf(
        stack(
          0,
          deep.map((name) => read(`${name}.bias`)),
        ),
      ),
    }),
    ...(mode === "pure" && { tau: weightOf(flat(read("w_tau"))), asymptote: weightOf(flat(read("A"))) }),
    ...(mixedMemory && memoryWeights(c)),
  };
}

const flat = (t: Tensor): Tensor => t.reshape([-1]);

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "cfc", build }];
