import { concat, constant, scan, stack, type Tensor, zeros } from "../tensor/index.ts";

/**
 * Products of decays inside chunks; factors that are 1 throughout are left out.
 * Axes: c chunks, B batch, G key groups, R heads of a group, L times of a chunk.
 */
export interface ChunkDecays {
  /** [c, B, G, R, L, L] or [L, L]: from time j (column), what it writes included, to time i ≥ j (row); 0 where j > i. */
  within: Tensor;
  /** [c, B, G, R, 1, L]: from the chunk's start to each time, its own decay included. */
  fromStart?: Tensor;
  /** [c, B, G, R, 1, L]: from each time, what it writes included, to the chunk's end. */
  toEnd?: Tensor;
  /** [c, B, G, R, 1, 1]: log-decay over the whole chunk. */
  logTotal?: Tensor;
}

/** exp of this is 0 in f32 and f64 whatever finite sum of log-decays it is added to. */
const closed = -1e30;

/** `open` on and below the diagonal, `shut` above it. */
function lowerTriangle(size: number, open: number, shut: number): Tensor {
  const entries = Array.from({ length: size * size }, (_, i) => (i % size <= Math.floor(i / size) ? open : shut));
  return constant(entries, [size, size]);
}

/**
 * exp(cum_i − cum_j + logWrite_j) for j ≤ i, else 0, of cumulated log-decays […, L]: the mask goes in before exp, which
 * thus never overflows. The sign changes before the broadcast, so that the gradient's does after the sum.
 */
export function decayMatrix(cum: Tensor, logWrite?: Tensor): Tensor {
  const source = logWrite ? logWrite.sub(cum) : cum.neg();
  const exponent = cum.unsqueeze(-1).add(source.unsqueeze(-2));
  return exponent.add(lowerTriangle(cum.dim(-1), 0, closed)).exp();
}

interface ChunkLogs {
  /** log-decays [c, B, G, R, L] ≤ 0; absent means that nothing decays. */
  logDecay: Tensor | undefined;
  /** log of a factor on what each time writes, [c, B, G, R, L]; absent means 0. */
  logWrite?: Tensor | undefined;
}

export function chunkDecays({ logDecay, logWrite }: ChunkLogs, length: number): ChunkDecays {
  if (logDecay === undefined && logWrite === undefined) return { within: lowerTriangle(length, 1, 0) };
  const cum = logDecay?.cumsum(-1) ?? logWrite!.mul(0);
  const last = cum.slice(-1, -1);
  const remaining = last.sub(cum);
  return {
    within: decayMatrix(cum, logWrite),
    fromStart: cum.exp().unsqueeze(-2),
    toEnd: (logWrite ? remaining.add(logWrite) : remaining).exp().unsqueeze(-2),
    logTotal: last.unsqueeze(-2),
  };
}

/** x times a factor that may be absent. */
export function scaled(x: Tensor, factor: Tensor | undefined): Tensor {
  return factor === undefined ? x : x.mul(factor);
}

/** A factor's chunks from `first` on. */
export function fromChunk(factor: Tensor | undefined, first: number): Tensor | undefined {
  return factor?.slice(0, first);
}

/** Adds a part that begins with chunk `first`. */
export function addFromChunk(whole: Tensor, part: Tensor | undefined, first: number): Tensor {
  return part === undefined ? whole : whole.add(part.pad(0, first, 0));
}

/** States at the starts of the chunks from `first` on (undefined where there are none), and after the last chunk. */
export interface Carried {
  first: number;
  starts: Tensor | undefined;
  end: Tensor;
}

/** Loops over at most so many chunks are written out. */
export const mostUnrolled = 4;
const mostMultiplied = 64;

/** What runs over chunks: S_{c+1} = exp(logTotal_c) S_c + added_c. */
export interface ChunkRecurrence {
  /** [c, B, G, R, V, K]. */
  added: Tensor;
  /** [c, B, G, R, 1, 1], or [..., 1, K] with a decay per key; absent where nothing decays. */
  logTotal: Tensor | undefined;
  /** [B, G, R, V, K], absent where it is zero. */
  start: Tensor | undefined;
}

export function carryChunks(recurrence: ChunkRecurrence): Carried {
  const chunks = recurrence.added.dim(0);
  if (chunks <= mostUnrolled) return carryUnrolled(recurrence);
  const perHead = (recurrence.logTotal?.dim(-1) ?? 1) === 1;
  return perHead && chunks <= mostMultiplied ? carryByProduct(recurrence) : carryByScan(recurrence);
}

function carryUnrolled({ added, logTotal, start }: ChunkRecurrence): Carried {
  const states: Tensor[] = start ? [start] : [];
  for (let chunk = 0; chunk < added.dim(0); chunk++) {
    const decayed = states.at(-1) && scaled(states.at(-1)!, logTotal?.at(0, chunk).exp());
    states.push(decayed ? decayed.add(added.at(0, chunk)) : added.at(0, chunk));
  }
  return { first: start ? 0 : 1, starts: stackSome(states.slice(0, -1)), end: states.at(-1)! };
}

/** Tensors along a new axis 0, undefined where there are none. */
export function stackSome(parts: readonly Tensor[]): Tensor | undefined {
  return parts.length > 0 ? stack(0, parts) : undefined;
}

/** All states at once as one product over chunks with the matrix of decays between chunks (Dao & Gu 2024, section 6, step 3). */
function carryByProduct({ added, logTotal, start }: ChunkRecurrence): Carried {
  const entries = start ? concat(0, [start.unsqueeze(0), added]) : added;
  const [count, batch, groups, heads, rows, keys] = entries.shape as [number, number, number, number, number, number];
  const perHead = entries.reshape([count, batch, groups * heads, rows * keys]).transpose([1, 2, 0, 3]);
  const states = entryDecays({ logTotal, start }, count).matmul(perHead);
  const byChunk = states.transpose([2, 0, 1, 3]).reshape([count, batch, groups, heads, rows, keys]);
  return { first: start ? 0 : 1, starts: byChunk.slice(0, 0, -1), end: byChunk.at(0, -1) };
}

/** [B, H, count, count] (or [count, count]): what is left of entry e in state j; entry 0 is the start where there is one. */
function entryDecays({ logTotal, start }: Pick<ChunkRecurrence, "logTotal" | "start">, count: number): Tensor {
  if (logTotal === undefined) return lowerTriangle(count, 1, 0);
  const [chunks, batch, groups, heads] = logTotal.shape as [number, number, number, number];
  const logs_BHc = logTotal.reshape([chunks, batch, groups * heads]).transpose([1, 2, 0]);
  return decayMatrix((start ? logs_BHc.pad(-1, 1, 0) : logs_BHc).cumsum(-1));
}

/** For long sequences, whose matrix of decays between chunks would outgrow the states. */
function carryByScan({ added, logTotal, start }: ChunkRecurrence): Carried {
  const { states, ys } = scan({
    init: [start ?? zeros(added.shape.slice(1))],
    xs: logTotal ? [added, logTotal.exp()] : [added],
    step: ([before], [addition, decay]) => ({ states: [scaled(before!, decay).add(addition!)], ys: [before!] }),
  });
  return { first: 0, starts: ys[0]!, end: states[0]! };
}
