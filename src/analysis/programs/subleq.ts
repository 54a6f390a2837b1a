/** SUBLEQ, a computer of one instruction: m[b] ← m[b] − m[a]; if that is ≤ 0 go on at c, else at the next instruction. */

export interface Instruction {
  /** Addresses of memory cells, from 0. */
  a: number;
  b: number;
  /** Number of an instruction, from 0. */
  c: number;
}

export interface SubleqState {
  memory: readonly number[];
  /** Number of the next instruction. */
  next: number;
}

/** Whole numbers of so many bits in two's complement: what is too large wraps round. */
export function wrapped(value: number, bits: number): number {
  const range = 2 ** bits;
  const low = ((value % range) + range) % range;
  return low >= range / 2 ? low - range : low;
}

/** One instruction. Behind the last one the machine stays where it is. */
export function subleqStep(program: readonly Instruction[], { memory, next }: SubleqState, bits: number): SubleqState {
  const { a, b, c } = program[next]!;
  const result = wrapped(memory[b]! - memory[a]!, bits);
  return { memory: memory.map((value, i) => (i === b ? result : value)), next: result <= 0 ? c : next + 1 };
}
