/** ncps' LTC with any wiring: the case holds which synapses exist. */
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { liquidForward } from "./liquid-scan.ts";
import { ltcOutput } from "./ltc.ts";
import { ltcRecurrence } from "./ltc-cell.ts";
import { goldenIo, memoryWeights, weightOf } from "./rnn-golden-weights.fixture.ts";

function build(c: GoldenCase): GoldenGraph {
  const x = c.tensor("in.x");
  const timed = c.has("in.timespans");
  const p = weights(c);
  const recurrence = ltcRecurrence(p, {
    unfolds: c.number("ode_unfolds"),
    epsilon: c.number("epsilon"),
    positivity: c.flag("implicit", true) ? "softplus" : "relu",
    timed,
    wiring: {
      input: c.tensor("param.rnn_cell.sensory_sparsity_mask"),
      between: c.tensor("param.rnn_cell.sparsity_mask"),
    },
  });
  const { h_BTH, s } = liquidForward(x, recurrence, {
    s: { h: c.maybe("state.in.h"), c: c.maybe("state.in.c") },
    io: goldenIo(timed ? { dt_BT: c.tensor("in.timespans") } : {}),
    neurons: c.tensor("param.rnn_cell.cm").dim(0),
    mixedMemory: c.flag("mixed_memory"),
  });
  const y = ltcOutput(h_BTH, p, c.tensor("out.y").dim(-1));
  return { outputs: { "out.y": y, "state.out.h": s.h, ...(s.c && { "state.out.c": s.c }) } };
}

function weights(c: GoldenCase) {
  const read = (name: string) => weightOf(c.tensor(`param.rnn_cell.${name}`));
  const maybe = <K extends string>(key: K, name: string) => {
    const tensor = c.maybe(`param.rnn_cell.${name}`);
    return tensor && ({ [key]: weightOf(tensor) } as Record<K, ReturnType<typeof weightOf>>);
  };
  return {
    inputW: read("sensory_w"),
    inputMu: read("sensory_mu"),
    inputSigma: read("sensory_sigma"),
    inputErev: read("sensory_erev"),
    w: read("w"),
    mu: read("mu"),
    sigma: read("sigma"),
    erev: read("erev"),
    gLeak: read("gleak"),
    vLeak: read("vleak"),
    cm: read("cm"),
    ...maybe("inputGain", "input_w"),
    ...maybe("inputBias", "input_b"),
    ...maybe("outputGain", "output_w"),
    ...maybe("outputBias", "output_b"),
    ...(c.flag("mixed_memory") && memoryWeights(c)),
  };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "ltc", build }];
