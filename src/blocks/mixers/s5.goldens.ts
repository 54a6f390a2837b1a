/** s5-pytorch: states and maps as (real, imaginary), no conjugate pairs; both directions share Λ and B. */
import { stack } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { columnsOf, weightOf } from "./mamba-2.goldens.ts";
import { goldenIo } from "./rnn-golden-weights.fixture.ts";
import { s5 } from "./s5.ts";

function build(c: GoldenCase): GoldenGraph {
  const at = (name: string) => c.tensor(`param.${name}`);
  const N = c.number("state");
  const bidirectional = c.flag("bidirectional");
  const config = s5.config.parse({ state: N, discretisation: c.text("discretization"), bidirectional, gate: false });
  const [re, im] = [at("C_re"), at("C_im")];
  const p = {
    rate: weightOf(at("Lambda_re")),
    frequency: weightOf(at("Lambda_im")),
    logDt: weightOf(at("log_step")),
    inputRe: columnsOf(at("B").at(2, 0)),
    inputIm: columnsOf(at("B").at(2, 1)),
    outputRe: columnsOf(re.slice(1, 0, N)),
    outputIm: columnsOf(im.slice(1, 0, N)),
    ...(bidirectional && { backRe: columnsOf(re.slice(1, N)), backIm: columnsOf(im.slice(1, N)) }),
    skip: weightOf(at("D")),
  };
  const x = c.tensor("in.x");
  const io = goldenIo(c.has("in.step_scale") ? { dt_BT: c.tensor("in.step_scale") } : {});
  const given = c.maybe("state.in.x_re");
  const h = given && stack(2, [given, c.tensor("state.in.x_im")]);
  const { y, s } = s5.forward(x, { c: config, d: s5.dims(config, x.dim(2)), p, s: { h }, b: {}, io });
  const states = s.h && { "state.out.x_re": s.h.at(2, 0), "state.out.x_im": s.h.at(2, 1) };
  return { outputs: { "out.y": y, ...states } };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "s5", build }];
