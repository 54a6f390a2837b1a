/** The parity of bits that arrive as events at irregular times: features are the bit and the time since the last event. */
import { z } from "zod";
import { defineTask, drawSymbols } from "../task.ts";

export interface Events {
  /** Bits, one an event. */
  bits: number[];
  /** Steps since the event before. */
  elapsed: number[];
}

/**
 * dense: an event a bit; changes: only where a bit differs from the one before, and one at the end if steps passed since
 * (Lechner & Hasani 2020, section 4.2).
 */
export function eventsOf(bits: readonly number[], events: "changes" | "dense"): Events {
  const written = bits.flatMap((bit, t) => {
    const due = events === "dense" || bit !== bits[t - 1] || t === bits.length - 1;
    return due ? [{ bit, t }] : [];
  });
  return { bits: written.map(({ bit }) => bit), elapsed: written.map(({ t }, i) => t - (written[i - 1]?.t ?? -1)) };
}

export const parityOf = (bits: readonly number[]): number => bits.reduce((sum, bit) => sum + bit, 0) % 2;

export const eventXor = defineTask({
  kind: "event-xor",
  title: "Parity of irregular events",
  cite: {
    arxiv: "2006.04418",
    by: "Lechner & Hasani 2020",
    title: "Learning Long-Term Dependencies in Irregularly-Sampled Time Series",
  },
  layout: "(bit, elapsed) (bit, elapsed) … → at the last event: ones mod 2",
  config: z.strictObject({
    events: z.enum(["changes", "dense"]).default("changes").describe("an event at changes only, or at every bit"),
  }),
  lengthIs: "bits; elapsed times are divided by it",
  least: () => 2,
  window: (length) => length,
  vocabulary: () => 2,
  answers: () => [0, 1],
  features: 2,
  sample(rng, { length, c }) {
    const bits = drawSymbols(rng, length, 2);
    const events = eventsOf(bits, c.events);
    const T = events.bits.length;
    return {
      inputs: Float32Array.from(events.bits.flatMap((bit, i) => [bit, events.elapsed[i]! / length])),
      targets: new Int32Array(T).fill(parityOf(bits), T - 1),
      mask: new Uint8Array(T).fill(1, T - 1),
    };
  },
});
