/**
 * What L = 2^levels steps of a linear time-invariant system do, as matrices for `ltiScan`.
 * Axes: C systems, N states of each, I inputs and O outputs (side by side, each L long), S state as real numbers.
 */
import { concat, stack, type Tensor } from "../tensor/index.ts";
import { complexPowers, complexProduct, mapComplex } from "./complex.ts";
import type { Complex } from "./fourier.ts";

export interface LtiSystem {
  levels: number;
  /** Outputs from inputs of the same chunk: [C, I·L, O·L]. */
  inside: Tensor;
  /** State after the chunk from its inputs: [C, S, I·L]. */
  write: Tensor;
  /** Outputs from the state before the chunk: [C, S, O·L]. */
  read: Tensor;
  /** The state [C, B, S] after 2^level steps without input. */
  advance: (s_CBS: Tensor, level: number) => Tensor;
}

/** The least exponent with 2^levels ≥ min(chunk, time). */
export const levelsOf = (chunk: number, time: number): number => Math.ceil(Math.log2(Math.min(chunk, time)));

/** [.., L] → [.., L, L], row i and column j holding k[j − i], 0 below the diagonal; a shifted view of k and L zeros. */
export function toeplitz(k: Tensor): Tensor {
  const lead = k.shape.slice(0, -1);
  const L = k.dim(-1);
  const rows = k
    .pad(-1, 0, L)
    .unsqueeze(-2)
    .expand([...lead, L, 2 * L]);
  const skewed = rows.reshape([...lead, 2 * L * L]).slice(-1, 0, L * (2 * L - 1));
  return skewed.reshape([...lead, L, 2 * L - 1]).slice(-1, 0, L);
}

const column = (a: Complex): Complex => mapComplex(a, (part) => part.unsqueeze(-1));

/** s·a for states [C, B, 2N], real parts first, and a [C, N]. */
function scaleStates(s_CBS: Tensor, a: Complex): Tensor {
  const N = a.re.dim(1);
  const s = { re: s_CBS.slice(2, 0, N), im: s_CBS.slice(2, N) };
  const { re, im } = complexProduct(
    s,
    mapComplex(a, (part) => part.unsqueeze(1)),
  );
  return concat(2, [re, im]);
}

/** Parts of a system with a diagonal complex state: x_n ← decay_n x_n + input_n u, y = Re Σ output_n x_n; all [C, N]. */
export interface DiagonalSystem {
  decay: Complex;
  input: Complex;
  output: Complex;
}

export function diagonalSystem(
  { decay, input, output }: DiagonalSystem,
  levels: number,
): LtiSystem & { kernel_CL: Tensor } {
  const { powers, squares } = complexPowers(decay, levels);
  const both = complexProduct(input, output);
  const sum_C1S = concat(1, [both.re, both.im.neg()]).unsqueeze(1);
  const kernel_CL = sum_C1S.matmul(concat(1, [powers.re, powers.im])).squeeze(1);
  const written = complexProduct(column(input), powers);
  const read = complexProduct(column(complexProduct(output, decay)), powers);
  return {
    levels,
    kernel_CL,
    inside: toeplitz(kernel_CL),
    write: concat(1, [written.re, written.im]).flip(2),
    read: concat(1, [read.re, read.im.neg()]),
    advance: (s, level) => scaleStates(s, squares[level]!),
  };
}

/** The same with real states: decay, input and output [C, N], |decay| ≤ 1. */
export function realSystem(
  { decay, input, output }: { decay: Tensor; input: Tensor; output: Tensor },
  levels: number,
): LtiSystem & { kernel_CL: Tensor } {
  const squares = [decay];
  let powers_CNL = decay.mul(0).add(1).unsqueeze(2);
  for (let level = 0; level < levels; level++) {
    const square = squares[level]!;
    powers_CNL = concat(2, [powers_CNL, powers_CNL.mul(square.unsqueeze(2))]);
    squares.push(square.square());
  }
  const kernel_CL = input.mul(output).unsqueeze(1).matmul(powers_CNL).squeeze(1);
  return {
    levels,
    kernel_CL,
    inside: toeplitz(kernel_CL),
    write: powers_CNL.mul(input.unsqueeze(2)).flip(2),
    read: powers_CNL.mul(output.mul(decay).unsqueeze(2)),
    advance: (s_CBS, level) => s_CBS.mul(squares[level]!.unsqueeze(1)),
  };
}

/** x ← decay·x + u with complex input and output x (two real ones each): decay [C], state (real, imaginary). */
export function complexSystem(decay: Complex, levels: number): LtiSystem {
  const { powers, squares } = complexPowers(decay, levels);
  const [re, im] = [toeplitz(powers.re), toeplitz(powers.im)];
  const next = complexProduct(column(decay), powers);
  const late = mapComplex(powers, (part) => part.flip(-1));
  return {
    levels,
    inside: concat(1, [concat(2, [re, im]), concat(2, [im.neg(), re])]),
    write: stack(1, [concat(1, [late.re, late.im.neg()]), concat(1, [late.im, late.re])]),
    read: stack(1, [concat(1, [next.re, next.im]), concat(1, [next.im.neg(), next.re])]),
    advance: (s, level) => scaleStates(s, column(squares[level]!)),
  };
}

/** Any real system: x ← A x + input·u, y = output·x; A [C, S, S], input and output [C, S]. */
export function denseSystem(
  { A, input, output }: { A: Tensor; input: Tensor; output: Tensor },
  levels: number,
): LtiSystem & { kernel_CL: Tensor } {
  const squares = [A];
  let written = input.unsqueeze(2);
  let read = output.unsqueeze(1).matmul(A);
  for (let k = 0; k < levels; k++) {
    const power = squares[k]!;
    written = concat(2, [written, power.matmul(written)]);
    read = concat(1, [read, read.matmul(power)]);
    squares.push(power.matmul(power));
  }
  const kernel_CL = output.unsqueeze(1).matmul(written).squeeze(1);
  return {
    levels,
    kernel_CL,
    inside: toeplitz(kernel_CL),
    write: written.flip(2),
    read: read.swap(1, 2),
    advance: (s, level) => s.matmul(squares[level]!, { transB: true }),
  };
}
