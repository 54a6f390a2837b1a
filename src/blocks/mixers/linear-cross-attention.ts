import type { Tensor } from "../../tensor/index.ts";
import { defineMixer, type Io, type MemoryState } from "../define.ts";
import { oneToken } from "../one-token.ts";
import type { Weights } from "../weights/use.ts";
import { readSum, sumOver } from "./kernel-sums.ts";
import * as own from "./linear-attention.ts";

const config = own.config.omit({ chunk: true });

/**
 * Linear attention to the memory, an encoder's output: its keys and values are summed once, so that a written token costs the
 * same whatever the source's length. Axes as in `linear-attention.ts`; S source tokens.
 */
export const linearCrossAttention = defineMixer({
  kind: "linear-cross-attention",
  title: "Linear cross attention",
  cite: own.linearAttention.cite,
  patterns: ["higher-order", "multi-x"],
  equations: [
    "q_t = W_q x_t;  k_s, v_s = W_k m_s, W_v m_s   (per head)",
    "S = Σ_s v_s φ(k_s)ᵀ;  z = Σ_s φ(k_s)",
    "o_t = S φ(q_t) / (z·φ(q_t) + ε);  out = W_out o_t",
  ],
  config,
  dims: own.dims,
  params: own.params,
  tune: [{ key: "keySize", unit: 1 }],
  reads: ["memory"],
  capabilities: (c) => ({
    flow: "both",
    state: "finite",
    length: "any",
    batch: "independent",
    exact: "bitwise",
    smooth: own.smoothness(c),
  }),
  state: (d): { S: MemoryState } => ({ S: { memory: () => own.state(d).S, axis: 2 } }),
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
  return { y: own.outputOf(readSum(S, own.queriesOf(x_BTD, at)), at), s: { S } };
}
