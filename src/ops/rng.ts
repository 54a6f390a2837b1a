/**
 * Counter-based random numbers: the i-th number of a stream is a function of (seed, labels, i) and of nothing else, so
 * a resumed run draws what an uninterrupted one would have drawn, and a new stream moves no other.
 *
 * The function is Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as
 * 1, 2, 3", 2011): a keyed bijection of 64-bit counters made of uint32 additions, rotations and exclusive ors.
 */
import { fail } from "../tensor/error.ts";

export interface Rng {
  /** The next number, uniform in 0 … 2^32 - 1. */
  uint32(): number;
  /** The next number, uniform in [0, 1), a multiple of 2^-32. */
  uniform(): number;
  /** The next whole number, exactly uniform in 0 … n - 1; n from 1 to 2^32. */
  below(n: number): number;
  /** The numbers 0 … n - 1 in uniformly random order (Fisher–Yates). */
  permutation(n: number): Uint32Array;
  /** An independent stream, the same one whenever it is asked for by this label, however much was drawn before. */
  fork(label: string | number): Rng;
}

interface Words {
  lo: number;
  hi: number;
}

/** Upper halves of counters that derive keys; draws count below 2^53, so that theirs stay below 2^21. */
const numberLabel = 0x80000000;
const textLabel = 0xc0000000;

/** A stream of random numbers for a seed (a whole number from 0 to 2^53 - 1). Throws `E_SEED`. */
export function createRng(seed: number): Rng {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    fail({ code: "E_SEED", where: "seed", expected: "a whole number from 0 to 2^53 - 1", got: String(seed) });
  }
  return streamOf(words(seed));
}

function streamOf(key: Words): Rng {
  let drawn = 0;
  const uint32 = () => threefry(key, words(drawn++)).lo;
  const below = (n: number): number => {
    if (!Number.isSafeInteger(n) || n < 1 || n > 2 ** 32) {
      fail({ code: "E_RANDOM_RANGE", where: "below", expected: "a whole number from 1 to 2^32", got: String(n) });
    }
    const fair = 2 ** 32 - (2 ** 32 % n); // numbers from here on would favour small remainders
    for (;;) {
      const number = uint32();
      if (number < fair) return number % n;
    }
  };
  return {
    uint32,
    uniform: () => uint32() / 2 ** 32,
    below,
    permutation: (n) => shuffled(n, below),
    fork: (label) => streamOf(threefry(key, labelCounter(label))),
  };
}

function shuffled(n: number, below: (n: number) => number): Uint32Array {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = below(i + 1);
    const swapped = order[i]!;
    order[i] = order[j]!;
    order[j] = swapped;
  }
  return order;
}

const words = (n: number): Words => ({ lo: n >>> 0, hi: Math.floor(n / 2 ** 32) });

function labelCounter(label: string | number): Words {
  if (typeof label === "string") {
    return { lo: fnv1a(label, 0x811c9dc5), hi: (textLabel | (fnv1a(label, 0x1000193) >>> 2)) >>> 0 };
  }
  if (!Number.isSafeInteger(label) || label < 0) {
    fail({ code: "E_RANDOM_LABEL", where: "fork", expected: "a string or a whole number from 0", got: String(label) });
  }
  const { lo, hi } = words(label);
  return { lo, hi: (numberLabel | hi) >>> 0 };
}

/** FNV-1a over UTF-16 units: spreads labels; their stream's quality is Threefry's. */
export function fnv1a(text: string, start = 0x811c9dc5): number {
  let hash = start;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const;

/** Threefry-2x32-20 of a counter under a key (section 3.2; the constant is Skein's key-schedule parity). */
export function threefry(key: Words, counter: Words): Words {
  const keys = [key.lo, key.hi, 0x1bd11bda ^ key.lo ^ key.hi];
  let lo = (counter.lo + key.lo) | 0;
  let hi = (counter.hi + key.hi) | 0;
  for (let round = 0; round < 20; round++) {
    const bits = rotations[round % 8]!;
    lo = (lo + hi) | 0;
    hi = ((hi << bits) | (hi >>> (32 - bits))) ^ lo;
    if (round % 4 === 3) {
      const injection = (round + 1) / 4;
      lo = (lo + keys[injection % 3]!) | 0;
      hi = (hi + keys[(injection + 1) % 3]! + injection) | 0;
    }
  }
  return { lo: lo >>> 0, hi: hi >>> 0 };
}
