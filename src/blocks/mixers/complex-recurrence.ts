/**
 * What S5 and LRU share: one diagonal complex recurrence between dense maps, h_t = λ h_{t−1} + B x_t, y_t = Re(C h_t).
 * Axes: B batch, T time, D model, N complex states; columns [N, B, T].
 */
import {
  type Complex,
  complexProduct,
  complexScan,
  complexSystem,
  fromColumns,
  levelsOf,
  ltiScan,
  toColumns,
} from "../../ops/index.ts";
import { stack, type Tensor, where } from "../../tensor/index.ts";
import type { Io } from "../define.ts";
import { bothWays, type Direction } from "./both-ways.ts";

export interface ComplexRecurrence {
  /** λ [N], |λ| < 1. */
  decay: Complex;
  /** [D, N], with all that scales it. */
  input: Complex;
  /** [N, D]; one for each direction. */
  outputs: readonly Complex[];
  /** h [B, N, 2] (real, imaginary); absent means 0. */
  h?: Tensor | undefined;
  /** Tokens per chunk. */
  chunk: number;
  io: Io;
}

export function complexRecurrence(x_BTD: Tensor, { decay, input, outputs, h, chunk, io }: ComplexRecurrence) {
  const system = complexSystem(decay, levelsOf(chunk, x_BTD.dim(1)));
  const us = [toColumns(x_BTD, input.re), toColumns(x_BTD, input.im)];
  const { ys, s_CBS } = ltiScan({ us, system, s_CBS: h?.transpose([1, 0, 2]), mask_BT: io.mask_BT });
  const forward = realPart(ys, outputs[0]!);
  if (outputs.length === 1) return { y_BTD: forward, h: s_CBS.transpose([1, 0, 2]) };
  const mirrored = us.map((u) => (io.mask_BT ? where(io.mask_BT, u, 0) : u).flip(2));
  const back = ltiScan({ us: mirrored, system }).ys.map((y) => y.flip(2));
  return { y_BTD: forward.add(realPart(back, outputs[1]!)), h: s_CBS.transpose([1, 0, 2]) };
}

export interface TimedRecurrence extends Pick<ComplexRecurrence, "outputs" | "h" | "io"> {
  /** [D, N]. */
  input: Complex;
  /** λ and what scales the input, [N, B, T], for the time before every token. */
  at: (dt_BT: Tensor) => { decay: Complex; scale: Complex };
}

/** The same where λ depends on the time that passed; backwards that is the time until the next token. */
export function timedRecurrence(x_BTD: Tensor, { input, outputs, h, io, at }: TimedRecurrence) {
  const run = (x: Tensor, direction: Direction, { dt_BT, mask_BT }: Io) => {
    const { decay, scale } = at(dt_BT!);
    const u = complexProduct({ re: toColumns(x, input.re), im: toColumns(x, input.im) }, scale);
    const start = direction === "ahead" && h ? { re: h.at(2, 0), im: h.at(2, 1) } : undefined;
    const { h: states, last } = complexScan({ a: decay, u, h: start, mask_BT });
    return { y: realPart([states.re, states.im], outputs[direction === "ahead" ? 0 : 1]!), last };
  };
  const { ahead, back } =
    outputs.length === 1 ? { ahead: run(x_BTD, "ahead", io), back: undefined } : bothWays(x_BTD, io, run);
  return { y_BTD: back ? ahead.y.add(back.y) : ahead.y, h: stack(2, [ahead.last.re, ahead.last.im]) };
}

const realPart = ([re, im]: readonly Tensor[], C: Complex): Tensor =>
  fromColumns(re!, C.re).sub(fromColumns(im!, C.im));

/** What both declare; a bidirectional recurrence carries nothing. */
export const recurrenceCapabilities = ({ bidirectional }: { bidirectional: boolean }) =>
  ({
    flow: bidirectional ? "bidirectional" : "causal",
    state: bidirectional ? "none" : "finite",
    length: "any",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  }) as const;

export const recurrenceState = (
  { N }: { N: number },
  { bidirectional }: { bidirectional: boolean },
): { h?: number[] } => (bidirectional ? {} : { h: [N, 2] });
