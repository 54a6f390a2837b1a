/** Numbers in binary as lists of bits, and two of them in one question. */
import type { Rng } from "../../ops/index.ts";
import { drawSymbols } from "../task.ts";

/** Separates two numbers, and ends an answer. */
export const mark = 2;

export function drawPair(rng: Rng, length: number): number[] {
  const first = 1 + rng.below(length - 2);
  return [...drawSymbols(rng, first, 2), mark, ...drawSymbols(rng, length - 1 - first, 2)];
}

/** Both numbers of a question, lowest bit first. */
export function readPair(question: readonly number[]): [bigint, bigint] {
  const place = question.indexOf(mark);
  return [numberOf(question.slice(0, place)), numberOf(question.slice(place + 1))];
}

/** The value of bits, lowest first. */
export const numberOf = (bits: readonly number[]): bigint =>
  bits.reduceRight((value, bit) => 2n * value + BigInt(bit), 0n);

/** Bits, lowest first, without zeros behind the highest; then the mark, then zeros up to `length`. */
export function marked(value: bigint, length: number): number[] {
  const bits = [...value.toString(2)].map(Number).toReversed();
  return [...bits, mark, ...new Array<number>(length - bits.length - 1).fill(0)];
}
