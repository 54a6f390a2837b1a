/** ncps' LTC with full wiring. */
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { ltc } from "./ltc.ts";
import { goldenIo, memoryWeights, weightOf } from "./rnn-golden-weights.fixture.ts";

function build(c: GoldenCase): GoldenGraph | Absent {
  const wiring = c.config.wiring as { kind: string };
  if (wiring.kind !== "full") return `absent: wiring ${wiring.kind}`;
  if (!c.flag("implicit", true)) return "absent: explicit constraints";
  const x = c.tensor("in.x");
  const config = ltc.config.parse({
    unfolds: c.number("ode_unfolds"),
    epsilon: c.number("epsilon"),
    inputMapping: c.config.input_mapping ?? "none",
    outputMapping: c.config.output_mapping ?? "none",
    mixedMemory: c.flag("mixed_memory"),
  });
  const H = c.tensor("param.rnn_cell.cm").dim(0);
  const outputs = c.tensor("out.y").dim(-1);
  const io = goldenIo(c.has("in.timespans") ? { dt_BT: c.tensor("in.timespans") } : {});
  const s = { h: c.maybe("state.in.h"), c: c.maybe("state.in.c") };
  const result = ltc.forward(x, { c: config, d: { D: x.dim(-1), H }, p: weights(c, H, outputs), s, b: {}, io });
  return {
    outputs: {
      "out.y": result.y.slice(-1, 0, outputs),
      "state.out.h": result.s.h,
      ...(result.s.c && { "state.out.c": result.s.c }),
    },
  };
}

/** Only the first neurons are outputs; the mapping of the others is of no effect. */
function weights(c: GoldenCase, H: number, outputs: number) {
  const read = (name: string) => weightOf(c.tensor(`param.rnn_cell.${name}`));
  const maybe = <K extends string>(key: K, name: string, pad = 0) => {
    const tensor = c.maybe(`param.rnn_cell.${name}`);
    return tensor && ({ [key]: weightOf(tensor.pad(0, 0, pad)) } as Record<K, ReturnType<typeof weightOf>>);
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
    ...maybe("outputGain", "output_w", H - outputs),
    ...maybe("outputBias", "output_b", H - outputs),
    ...(c.flag("mixed_memory") && memoryWeights(c)),
  };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "ltc", build }];
