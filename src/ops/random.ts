import { elementIndex, type Shape, scalar, type Tensor } from "../tensor/index.ts";
import { fnv1a } from "./rng.ts";

/** Where a graph's random numbers come from: two u32 scalars that are fed, and the path of the consumer. */
export interface RandomKey {
  /** u32 []. */
  seed: Tensor;
  /** u32 [], the training step or decoding position. */
  step: Tensor;
  /** Names the stream, so that a new consumer moves no other stream. */
  path: string;
}

/** Draws of one stream; every element depends on (seed, step, path, element) only. */
export interface Random {
  /** Uniform in [0, 1), multiples of 2⁻²⁴. */
  uniform(shape: Shape): Tensor;
  /** Standard normal (Box–Muller). */
  normal(shape: Shape): Tensor;
  /** Standard Gumbel: −log(−log u). */
  gumbel(shape: Shape): Tensor;
  /** The numbers 0 … count − 1 (i32) in random order: that of random 31-bit keys, of which equal ones keep their order. */
  permutation(count: number): Tensor;
}

export function randomStream(key: RandomKey): Random {
  const uniform = (shape: Shape, salt: number) => toUnit(randomBits(key, shape, salt));
  return {
    uniform: (shape) => uniform(shape, 0),
    normal: (shape) => {
      const radius = openUnit(uniform(shape, 0)).log().mul(-2).sqrt();
      return radius.mul(
        uniform(shape, 1)
          .mul(2 * Math.PI)
          .cos(),
      );
    },
    gumbel: (shape) => openUnit(uniform(shape, 0)).log().neg().log().neg(),
    permutation(count) {
      const keys = randomBits(key, [count], 0).shiftRight(scalar(1, "u32")).cast("i32");
      return keys.topk(0, count, { largest: false }).indices;
    },
  };
}

/** u32 bits per element: the finaliser of MurmurHash3 (Appleby 2011) over element, path, step and seed in turn. */
function randomBits({ seed, step, path }: RandomKey, shape: Shape, salt: number): Tensor {
  const stream = fnv1a(`${path}#${salt}`);
  const key = mix(mix(seed.bitXor(scalar(stream, "u32"))).bitXor(step));
  return mix(mix(elementIndex(shape).bitXor(key)).add(key));
}

function mix(x: Tensor): Tensor {
  const shifted = (t: Tensor, bits: number) => t.bitXor(t.shiftRight(scalar(bits, "u32")));
  const a = shifted(x, 16).mul(scalar(0x85ebca6b, "u32"));
  const b = shifted(a, 13).mul(scalar(0xc2b2ae35, "u32"));
  return shifted(b, 16);
}

/** The upper 24 bits as a fraction: exact in f32. */
const toUnit = (bits: Tensor) =>
  bits
    .shiftRight(scalar(8, "u32"))
    .cast("f32")
    .mul(2 ** -24);

/** Moves 0 to the middle of its cell, so that logarithms stay finite. */
const openUnit = (u: Tensor) => u.maximum(2 ** -25);
