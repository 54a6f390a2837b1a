/** zoology's H3: with heads of several features its output stands as (feature of the value, head), ours the other way. */

import { levelsOf } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { h3, shiftKernel, systemOf } from "./h3.ts";
import { columnsOf, weightOf } from "./mamba-2.goldens.ts";
import { goldenIo } from "./rnn-golden-weights.fixture.ts";

function build(c: GoldenCase): GoldenGraph {
  const at = (name: string) => c.tensor(`param.${name}`);
  const diagonal = (name: string) => at(`kernel.kernel.${name}`);
  const heads = c.number("D") / c.number("head_dim");
  const p = {
    q: columnsOf(at("q_proj.weight")),
    qBias: weightOf(at("q_proj.bias")),
    k: columnsOf(at("k_proj.weight")),
    kBias: weightOf(at("k_proj.bias")),
    v: columnsOf(at("v_proj.weight")),
    vBias: weightOf(at("v_proj.bias")),
    shiftInput: weightOf(at("ssm_k_kernel.kernel.B")),
    shiftOutput: weightOf(at("ssm_k_kernel.kernel.C").squeeze(0)),
    shiftSkip: weightOf(at("ssm_k_D")),
    logRate: weightOf(diagonal("inv_A_real")),
    frequency: weightOf(diagonal("A_imag")),
    B: weightOf(diagonal("B")),
    C: weightOf(diagonal("C").squeeze(0)),
    logDt: weightOf(diagonal("log_dt")),
    skip: weightOf(at("D")),
    out: weightOf(byHead(at("output_linear.weight").transpose([1, 0]), heads)),
    outBias: weightOf(at("output_linear.bias")),
  };
  const config = h3.config.parse({ heads, shift: c.number("N"), state: c.number("N") });
  const x = c.tensor("in.x");
  const T = x.dim(1);
  const { y } = h3.forward(x, { c: config, d: h3.dims(config, x.dim(2)), p, s: {}, b: {}, io: goldenIo() });
  const skipless = { ...p, shiftSkip: weightOf(at("ssm_k_D").mul(0)) };
  const shift = shiftKernel(skipless).flip(1);
  return {
    outputs: {
      "out.y": y,
      "out.shift_kernel": shift.pad(1, 0, T - shift.dim(1)).unsqueeze(0),
      "out.diag_kernel": systemOf(p, levelsOf(T, T)).kernel_CL.slice(1, 0, T).unsqueeze(0),
    },
  };
}

/** Rows (feature, head) as (head, feature). */
const byHead = (rows: Tensor, heads: number): Tensor =>
  rows
    .reshape([-1, heads, rows.dim(1)])
    .transpose([1, 0, 2])
    .reshape(rows.shape);

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "h3", build }];
