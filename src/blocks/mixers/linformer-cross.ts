import type { Tensor } from "../../tensor/index.ts";
import { defineMixer, type Io, type MemoryState } from "../define.ts";
import { oneToken } from "../one-token.ts";
import type { Weights } from "../weights/use.ts";
import { config, dims, params, readSlots, slotsOf } from "./linformer.ts";

/**
 * Linformer's attention to the memory, an encoder's output of at most L tokens: its keys and values are summed into S slots
 * once, so that a written token costs the same whatever the source's length. Axes as in `linformer.ts`.
 */
export const linformerCross = defineMixer({
  kind: "linformer-cross",
  title: "Linformer cross attention",
  cite: { arxiv: "2006.04768", by: "Wang et al. 2020" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "q = x W_q;  k, v = m W_k, m W_v   (per head)",
    "y = softmax(q (E k)ᵀ / √K) (F v),  E, F [slots, source tokens] learned",
    "out = concat_h(y) W_o + b",
  ],
  config,
  dims,
  params,
  tune: [{ key: "slots", unit: 1 }],
  reads: ["memory"],
  capabilities: {
    flow: "both",
    state: "finite",
    length: "any",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  },
  state({ G, S, K }): { k: MemoryState; v: MemoryState } {
    const slots: MemoryState = { memory: () => [G, S, K], axis: 1 };
    return { k: slots, v: slots };
  },
  forward: (x_BTD, at) => attend(x_BTD, at),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => attend(x_BTD, at)),
});

interface At {
  d: ReturnType<typeof dims>;
  p: Weights<ReturnType<typeof params>>;
  s: { k?: Tensor | undefined; v?: Tensor | undefined };
  io: Io;
}

function attend(x_BTD: Tensor, at: At) {
  const { k, v } = at.s;
  const slots = k && v ? { k, v } : slotsOf(at.io.memory!.x_BSD!, at, at.io.memory!.mask_BS);
  return { y: readSlots(x_BTD, slots, at), s: slots };
}
