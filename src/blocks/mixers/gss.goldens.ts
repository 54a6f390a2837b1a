/** gated-state-spaces-pytorch: the layer's own norm and its residual sum stand around the mixer; time may run backwards. */
import { layerNorm, stack } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { gss } from "./gss.ts";
import { columnsOf, weightOf } from "./mamba-2.goldens.ts";
import { goldenIo } from "./rnn-golden-weights.fixture.ts";

function build(c: GoldenCase): GoldenGraph {
  const at = (name: string) => c.tensor(`param.${name}`);
  const frequency = at("dss.Lambda_imag");
  const config = gss.config.parse({
    channels: c.number("H"),
    states: c.number("N"),
    expand: c.number("expansion"),
    chunk: 4,
  });
  const p = {
    wide: columnsOf(at("to_u.0.weight")),
    narrow: columnsOf(at("to_v.0.weight")),
    normGain: weightOf(at("dss.norm.weight")),
    normOffset: weightOf(at("dss.norm.bias")),
    logRate: weightOf(at("dss.Lambda_real")),
    frequency: weightOf(c.flag("imag_exp") ? frequency.exp() : frequency),
    C: weightOf(stack(2, [at("dss.C_real"), at("dss.C_imag")])),
    skip: weightOf(at("dss.param_D")),
    back: columnsOf(at("to_gate.weight")),
    out: columnsOf(at("to_out.weight")),
    outBias: weightOf(at("to_out.bias")),
  };
  const inTime = c.flag("reverse") ? c.tensor("in.x").flip(1) : c.tensor("in.x");
  const normed = layerNorm(inTime, at("norm.weight"), at("norm.bias"));
  const d = gss.dims(config, c.number("dim"));
  const { y } = gss.forward(normed, { c: config, d, p, s: {}, b: {}, io: goldenIo() });
  const out = y.add(inTime);
  return { outputs: { "out.y": c.flag("reverse") ? out.flip(1) : out } };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "gated_state_space", build }];
