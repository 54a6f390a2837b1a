import { type Tensor, where } from "../../tensor/index.ts";
import { defineMixer, type Io, type MemoryState } from "../define.ts";
import { oneToken } from "../one-token.ts";
import type { Weights } from "../weights/use.ts";
import { readSum, sumOver } from "./kernel-sums.ts";
import * as own from "./performer.ts";

const config = own.config.omit({ causal: true, chunk: true });

/**
 * Performer's attention to the memory, an encoder's output: its keys and values are summed once, so that a written token costs
 * the same whatever the source's length. Axes as in `performer.ts`; S source tokens.
 */
export const performerCross = defineMixer({
  kind: "performer-cross",
  title: "Performer cross attention",
  cite: own.performer.cite,
  patterns: ["higher-order", "multi-x"],
  equations: [
    "φ(x) = (exp(P u − |u|²/2) + ε)/√M,  u = x / K^{1/4}   (so that E φ(q)·φ(k) = exp(q·k/√K) at ε = 0)",
    "q_t = x_t W_q;  k_s, v_s = m_s W_k, m_s W_v   (per head)",
    "y_t = (Σ_s v_s φ(k_s)ᵀ) φ(q_t) / (Σ_s φ(k_s))·φ(q_t);  out = concat_h(y) W_o + b",
  ],
  config,
  dims: own.dims,
  params: own.params,
  tune: [{ key: "features", unit: 1 }],
  reads: ["memory"],
  capabilities: (c) => ({
    flow: "both",
    state: "finite",
    length: "any",
    batch: "independent",
    exact: "bitwise",
    smooth: own.smoothness(c),
  }),
  state: (d): { S: MemoryState } => ({ S: { memory: () => own.sumShape(d), axis: 2 } }),
  forward: (x_BTD, at) => attend(x_BTD, at),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => attend(x_BTD, at)),
});

interface At {
  c: ReturnType<typeof config.parse>;
  d: ReturnType<typeof own.dims>;
  p: Weights<ReturnType<typeof own.params>>;
  s: { S?: Tensor | undefined };
  io: Io;
}

function attend(x_BTD: Tensor, at: At) {
  const S = at.s.S ?? sumOver(own.entriesOf(at.io.memory!.x_BSD!, at, at.io.memory!.mask_BS));
  const o_HVBT = readSum(S, own.queriesOf(x_BTD, at));
  const weight = o_HVBT.slice(1, at.d.K);
  // No weight at all: a source without any token, of which nothing is read.
  return { y: own.outputOf(o_HVBT, where(weight.greater(0), weight, 1), at), s: { S } };
}
