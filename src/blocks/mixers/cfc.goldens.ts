/** ncps' CfC. Its layers are Linear maps [out, in] of the joined [x | h]. */

import { concat, stack, type Tensor } from "../../tensor/index.ts";
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { cfc } from "./cfc.ts";
import type { CfcWeights } from "./cfc-cell.ts";
import { goldenIo, memoryWeights, weightOf } from "./rnn-golden-weights.fixture.ts";

type Config = ReturnType<typeof cfc.config.parse>;

function build(c: GoldenCase): GoldenGraph | Absent {
  if (c.config.wiring !== undefined) return "absent: wirings";
  const x = c.tensor("in.x");
  const [D, H] = [x.dim(-1), c.number("units")];
  const config = cfc.config.parse({
    hidden: H,
    mode: c.text("mode"),
    mixedMemory: c.flag("mixed_memory"),
    backboneUnits: c.number("backbone_units"),
    backboneLayers: c.number("backbone_layers"),
    activation: c.text("activation"),
  });
  const { y, s } = cfc.forward(x, {
    c: config,
    d: { D, H, U: c.number("backbone_units") },
    p: weights(c, D, config),
    s: { h: c.maybe("state.in.h"), c: c.maybe("state.in.c") },
    b: {},
    io: goldenIo(c.has("in.timespans") ? { dt_BT: c.tensor("in.timespans") } : {}),
  });
  const projected = c.has("param.fc.weight")
    ? y.matmul(c.tensor("param.fc.weight"), { transB: true }).add(c.tensor("param.fc.bias"))
    : y;
  return { outputs: { "out.y": projected, "state.out.h": s.h, ...(s.c && { "state.out.c": s.c }) } };
}

function weights(c: GoldenCase, D: number, { mode, backboneLayers: layers, mixedMemory }: Config): CfcWeights {
  const read = (name: string) => c.tensor(`param.rnn_cell.${name}`);
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
