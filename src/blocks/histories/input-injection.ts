import { z } from "zod";
import { defineHistory } from "../define.ts";
import { matrix } from "../weights/declare.ts";
import { linear } from "../weights/use.ts";

/** What entered the stack is added again before every later layer: loops that run long keep their input. */
export const inputInjection = defineHistory({
  kind: "input-injection",
  title: "Input injection",
  cite: { arxiv: "2311.12424", by: "Yang et al. 2023 (looped transformers)" },
  equations: ["x_i ← x_i + x_0   or   x_i + x_0 W,  i ≥ 1"],
  config: z.strictObject({ map: z.boolean().default(false).describe("a learned map W, zero at the start") }),
  dims: (_c, D, { place, depth }) => ({ D, place, depth }),
  params: ({ D, place, depth }, c) => ({
    ...(c.map && injects(place, depth) && { map: matrix(D, D, { init: "zeros" }) }),
  }),
  forward(states, { d: { place, depth }, p }) {
    const x = states.at(-1)!;
    if (!injects(place, depth)) return x;
    return x.add(p.map ? linear(states[0]!, p.map) : states[0]!);
  },
});

const injects = (place: number, depth: number): boolean => place > 1 && place <= depth;
