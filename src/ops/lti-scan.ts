/**
 * Linear time-invariant systems x_t = Ā x_{t−1} + B̄ u_t, y_t = C x_t: products within chunks of L times (see
 * `lti-systems.ts`), and a recurrence over the chunks' states. One time with L = 1 is the recurrence itself.
 * Axes: C systems, B batch, T time, N chunks, L times of a chunk, S state; columns [C, B, T].
 */
import { concat, iota, scan, stack, type Tensor, where, zeros } from "../tensor/index.ts";
import { alignLeft, columnsBefore } from "./align-left.ts";
import type { LtiSystem } from "./lti-systems.ts";

export interface LtiScanInput {
  /** One tensor [C, B, T] for every input of a system. */
  us: readonly Tensor[];
  system: LtiSystem;
  /** Absent means 0. */
  s_CBS?: Tensor | undefined;
  /** bool, true at real tokens, which must be consecutive. */
  mask_BT?: Tensor | undefined;
}

export interface LtiScanResult {
  /** One tensor [C, B, T] for every output of a system. */
  ys: Tensor[];
  /** After the last real token. */
  s_CBS: Tensor;
}

export function ltiScan({ us, system, s_CBS, mask_BT }: LtiScanInput): LtiScanResult {
  const aligned = mask_BT && alignLeft(mask_BT);
  const inputs = aligned ? us.map(aligned.toFront) : us;
  const chunks = chunked(inputs, 2 ** system.levels);
  const states = chunkStates(chunks, system, s_CBS);
  const inside = perChunk(chunks, system.inside, false);
  const empty = s_CBS === undefined && chunks.dim(2) === 1;
  const carried = empty ? undefined : readStates(states, system);
  const parts = unchunked(carried ? inside.add(carried) : inside, us.length, us[0]!.dim(2));
  return {
    ys: aligned ? parts.map(aligned.toPlace) : parts,
    s_CBS: finalState({ inputs, states, lengths_B: aligned?.lengths_B }, system),
  };
}

/** [C, B, N, I·L]: the inputs of a chunk side by side. */
function chunked(us: readonly Tensor[], L: number): Tensor {
  const [C, B, T] = us[0]!.shape as [number, number, number];
  const N = Math.ceil(T / L);
  return concat(
    3,
    us.map((u) => u.pad(2, 0, N * L - T).reshape([C, B, N, L])),
  );
}

function unchunked(y: Tensor, outputs: number, time: number): Tensor[] {
  const [C, B, , width] = y.shape as [number, number, number, number];
  const L = width / outputs;
  const sizes = new Array<number>(outputs).fill(L);
  return y.split(3, sizes).map((part) => part.reshape([C, B, -1]).slice(2, 0, time));
}

/** A product per system over the last axis of [C, B, N, ·]. */
function perChunk(x: Tensor, matrix: Tensor, transB: boolean): Tensor {
  const [C, B, N, width] = x.shape as [number, number, number, number];
  return x
    .reshape([C, B * N, width])
    .matmul(matrix, { transB })
    .reshape([C, B, N, -1]);
}

const unrolled = 4;

/** States before every chunk and after the last: [N + 1, C, B, S]. */
function chunkStates(chunks: Tensor, system: LtiSystem, s_CBS: Tensor | undefined): Tensor {
  const ends = perChunk(chunks, system.write, true).transpose([2, 0, 1, 3]);
  const N = ends.dim(0);
  const start = s_CBS ?? zeros(ends.shape.slice(1));
  const next = (s: Tensor, end: Tensor) => system.advance(s, system.levels).add(end);
  if (N > unrolled) {
    const { states, ys } = scan({
      init: [start],
      xs: [ends],
      step: ([s], [end]) => ({ states: [next(s!, end!)], ys: [s!] }),
    });
    return concat(0, [ys[0]!, states[0]!.unsqueeze(0)]);
  }
  const list = [start];
  for (let j = 0; j < N; j++) list.push(j === 0 && s_CBS === undefined ? ends.at(0, 0) : next(list[j]!, ends.at(0, j)));
  return stack(0, list);
}

function readStates(states: Tensor, { read }: LtiSystem): Tensor {
  const starts = states.slice(0, 0, states.dim(0) - 1).transpose([1, 2, 0, 3]);
  return perChunk(starts, read, false);
}

interface Course {
  inputs: readonly Tensor[];
  states: Tensor;
  /** Real tokens, where they are not all. */
  lengths_B: Tensor | undefined;
}

/** The state after the last token: that of the last full chunk, moved on by the rest. */
function finalState({ inputs, states, lengths_B }: Course, system: LtiSystem): Tensor {
  const T = inputs[0]!.dim(2);
  const L = 2 ** system.levels;
  if (lengths_B) return stateAt({ inputs, states, lengths_B }, system);
  const [full, rest] = [Math.floor(T / L), T % L];
  const start = states.at(0, full);
  if (rest === 0) return start;
  const moved = Array.from({ length: system.levels }, (_, level) => level)
    .filter((level) => Math.floor(rest / 2 ** level) % 2 === 1)
    .reduce((s, level) => system.advance(s, level), start);
  const tail = inputs.map((u) => u.slice(2, full * L).pad(2, L - rest, 0));
  return moved.add(concat(2, tail).matmul(system.write, { transB: true }));
}

/** The same where each sequence has a length of its own: the rest's binary digits choose which powers of Ā apply. */
function stateAt({ inputs, states, lengths_B }: Course & { lengths_B: Tensor }, system: LtiSystem): Tensor {
  const L = 2 ** system.levels;
  const [, C, B, S] = states.shape as [number, number, number, number];
  const count_B = lengths_B.cast("u32");
  const full_B = count_B.shiftRight(system.levels).cast("i32");
  const rest_B = count_B.bitAnd(L - 1);
  const index = full_B.reshape([1, 1, B, 1]).expand([1, C, B, S]);
  let s = states.gatherElements(0, index).squeeze(0);
  for (let level = 0; level < system.levels; level++) {
    const unchanged = rest_B.bitAnd(2 ** level).equal(0);
    s = where(unchanged.unsqueeze(1), s, system.advance(s, level));
  }
  const inRest = iota(L).greaterEqual(rest_B.cast("i32").neg().add(L).unsqueeze(1));
  const tail = inputs.map((u) => where(inRest, columnsBefore(u, lengths_B, L), 0));
  return s.add(concat(2, tail).matmul(system.write, { transB: true }));
}
