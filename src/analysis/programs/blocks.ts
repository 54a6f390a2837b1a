/**
 * Building blocks of hand-written transformers (Giannou et al. 2023, arXiv 2301.13196, sections 3 and 4). Addresses are bits of
 * ±1; a token without an address has zeros there.
 */
import type { Form, Head, Unit } from "./hand-written.ts";

const scaled = (form: Form, factor: number): Form => form.map(([column, weight]) => [column, weight * factor] as const);

/** What a number is moved from and to: columns pairwise. */
export const moves = (from: readonly number[], to: readonly number[]): Head["reads"] =>
  from.map((column, i) => ({ value: [[column, 1]], to: [[to[i]!, 1]] }));

interface Read {
  /** Columns of the address that a token points at, and of each token's own. */
  pointer: readonly number[];
  own: readonly number[];
  /** Column that is 1 in the reading token, whose own address is 0 … 0 (bits of −1), and 0 elsewhere. */
  reader: number;
  reads: Head["reads"];
  /** λ: a token with one other bit has e^−2λ of the weight. */
  sharpness: number;
}

/** The token at the pointer is read; all others than the reader look at it, whose fields they read should be zero. */
export const readAt = ({ pointer, own, reader, reads, sharpness }: Read, constant: number): Head => ({
  // A pointer of zeros means the reader's own address, bits of −1.
  query: pointer.map(
    (column) =>
      [
        [column, sharpness],
        [constant, -sharpness],
        [reader, sharpness],
      ] as const,
  ),
  key: own.map((column) => [[column, 1]] as const),
  reads,
});

/**
 * The token that the writer's pointer names reads what the writer holds; all others share what the other tokens hold there,
 * which should be zero. `constant` is 1 everywhere.
 */
export function writeAt({ pointer, own, reader: writer, reads, sharpness }: Read, constant: number): Head {
  const bits = own.length;
  return {
    query: [...own.map((column) => [[column, sharpness]] as Form), [[constant, sharpness]]],
    // L − 1 between a match, L, and the nearest miss, L − 2.
    key: [
      ...pointer.map((column) => [[column, 1]] as Form),
      [
        [constant, bits - 1],
        [writer, 1 - bits],
      ],
    ],
    reads,
  };
}

/** form + offset, of either sign. */
export const carryOver = (form: Form, to: Form, offset = 0): Unit[] => [
  { form, offset, to },
  { form: scaled(form, -1), offset: -offset, to: scaled(to, -1) },
];

/** Sets columns to zero. */
export const clear = (columns: readonly number[]): Unit[] =>
  columns.flatMap((column) => carryOver([[column, 1]], [[column, -1]]));

/** 1 where the whole number form + offset is at least `threshold`, else 0. */
export const atLeast = (form: Form, threshold: number, to: Form, offset = 0): Unit[] => [
  { form, offset: offset - threshold + 1, to },
  { form, offset: offset - threshold, to: scaled(to, -1) },
];

/** form times a gate, for forms of −1, 0 or 1 and gates of 0 or 1. */
export const gated = (form: Form, gate: Form, to: Form): Unit[] => [
  { form: [...form, ...scaled(gate, 2)], offset: -2, to },
  { form: [...scaled(form, -1), ...scaled(gate, 2)], offset: -2, to: scaled(to, -1) },
];

interface Sum {
  /** Bits of ±1, lowest first; `minus` is subtracted. */
  plus: readonly number[];
  minus?: readonly number[];
  /** Column that is 1 where there is something to compute and 0 elsewhere. */
  active: number;
  /** Where the bits of ±1 of the result are added. */
  to: readonly number[];
}

/**
 * plus − minus, or plus + 1, modulo 2^bits in one layer: every carry is one threshold of a weighted sum of bits, and a bit of the
 * sum is that of its place and of two carries.
 */
export function addition({ plus, minus, active, to }: Sum): Unit[] {
  // Bits 0 and 1 of p + (1 − m) + 1, or of p + 1: (±1 + 1) / 2.
  const placeOf = (i: number): Form => {
    const own: Form = [
      [plus[i]!, 0.5],
      [active, 0.5],
    ];
    return minus ? [...own, [minus[i]!, -0.5], [active, 0.5]] : own;
  };
  const one: Form = [[active, 1]];
  const units = plus.flatMap((_, i) => {
    // ±1 of bit_i = 2 (place_i + carry_i − 2 carry_(i+1)) − 1.
    const below = Array.from({ length: i + 1 }, (_, j) => scaled(placeOf(j), 2 ** j)).flat();
    const carryTo: Form = [[to[i]!, -4], ...(i + 1 < to.length ? [[to[i + 1]!, 2] as const] : [])];
    return [
      ...carryOver([...scaled(placeOf(i), 2), ...scaled(one, -1)], [[to[i]!, 1]]),
      ...atLeast([...below, ...one], 2 ** (i + 1), carryTo),
    ];
  });
  return [...units, ...carryOver(one, [[to[0]!, 2]])];
}

interface Product {
  /** Per place i of the inner product: of the token that asks, and of all tokens. */
  query: readonly Form[];
  key: readonly Form[];
  /** Forms of all tokens, and where their sum is added, times `factor`. */
  reads: Head["reads"];
  /** Column that is 1 in one token whose keys and values are zero, and 0 elsewhere. */
  sink: number;
  constant: number;
  factor?: number;
  /** ε: the result is right up to a share of about ε. */
  epsilon?: number;
}

/** Weight that the sink has beside each other token's 1. */
const sinkLog = 14;

/**
 * Σ_j (q·k_j) v_j by two heads of softmax attention: with a sink that takes nearly all weight, a token has e^(ε q·k) of a fixed
 * sum, which is linear in q·k for small ε; the second head takes away the 1. Products of matrices are of this form.
 */
export function products({ query, key, reads, sink, constant, factor = 1, epsilon = 1e-4 }: Product): Head[] {
  const keys: Form[] = [...key, [[sink, sinkLog]]];
  const times = (factor * Math.exp(sinkLog)) / epsilon;
  const head = (share: number, sign: number): Head => ({
    query: [...query.map((form) => scaled(form, share)), [[constant, 1]]],
    key: keys,
    reads: reads.map(({ value, to }) => ({ value, to: scaled(to, sign * times) })),
  });
  return [head(epsilon, 1), head(0, -1)];
}

/** Every token reads the token whose address has the same bits in this order: with rows and columns exchanged, a transposition. */
export const readPermuted = ({
  own,
  order,
  reads,
  sharpness,
}: Pick<Read, "own" | "reads" | "sharpness"> & { order: readonly number[] }): Head => ({
  query: order.map((column) => [[column, sharpness]] as const),
  key: own.map((column) => [[column, 1]] as const),
  reads,
});

interface Curve {
  from: number;
  to: number;
  steps: number;
  /** Slope of each sigmoid; steep ones make a staircase. */
  steepness: number;
}

/** A function of one number as a sum of sigmoids, whose steps are its rises: right up to a step's rise and the sigmoids' tails. */
export function sigmoidSteps(
  f: (x: number) => number,
  { from, to, steps, steepness }: Curve,
  { input, constant, output }: { input: number; constant: number; output: number },
): Unit[] {
  const h = (to - from) / steps;
  const rises = Array.from({ length: steps }, (_, k): Unit => {
    const [left, right] = [from + k * h, from + (k + 1) * h];
    return {
      form: [[input, steepness]],
      offset: (-steepness * (left + right)) / 2,
      to: [[output, f(right) - f(left)]],
    };
  });
  // A sigmoid that is 1 carries the value at the left end.
  return [...rises, { form: [[constant, 40]], offset: 0, to: [[output, f(from)]] }];
}
