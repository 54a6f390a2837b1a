/**
 * Small seeded tasks that a sequence model either solves or does not. Each example is a sequence s of T + 1 symbols:
 * inputs = s without its last symbol, targets = s without its first, mask = 1 where the target follows from the past.
 * Symbols are numbered from 0; `vocabulary` below means the count that a model must know.
 */

import type { Rng } from "../ops/index.ts";
import { fail } from "../tensor/error.ts";

export interface SyntheticExample {
  /** [T] */
  inputs: Int32Array;
  /** [T] */
  targets: Int32Array;
  /** [T]: 1 where the prediction is scored */
  mask: Uint8Array;
}

export interface SymbolOptions {
  /** Number of symbols to be reproduced. */
  length: number;
  /** Number of distinct symbols (default 8); the separator is symbol `symbols`, the vocabulary `symbols + 1`. */
  symbols?: number;
}

/** x₁ … xₙ, separator, x₁ … xₙ. T = 2n; the second half is scored. */
export function copyExample(rng: Rng, { length, symbols = 8 }: SymbolOptions): SyntheticExample {
  const given = drawSymbols(rng, length, symbols);
  return example([...given, symbols, ...given], length);
}

/** x₁ … xₙ, separator, xₙ … x₁. T = 2n; the second half is scored. */
export function reversalExample(rng: Rng, { length, symbols = 8 }: SymbolOptions): SyntheticExample {
  const given = drawSymbols(rng, length, symbols);
  return example([...given, symbols, ...given.toReversed()], length);
}

export interface RecallOptions {
  /** Number of key–value pairs. */
  length: number;
  /** Number of distinct keys, at least `length` (default twice `length`): symbols 0 … keys - 1. */
  keys?: number;
  /** Number of distinct values (default 8): symbols keys … keys + values - 1; the vocabulary is keys + values. */
  values?: number;
}

/** k₁ v₁ … kₙ vₙ, then one of the keys: its value is the answer. Keys do not repeat. T = 2n + 1; the last is scored. */
export function recallExample(rng: Rng, { length, keys = 2 * length, values = 8 }: RecallOptions): SyntheticExample {
  assertAtLeast("length", length, 1);
  assertAtLeast("keys", keys, length);
  assertAtLeast("values", values, 1);
  const order = rng.permutation(keys);
  const pairs = Array.from({ length }, (_, i) => [order[i]!, keys + rng.below(values)]);
  return example([...pairs.flat(), ...pairs[rng.below(length)]!], 1);
}

export interface ModularOptions {
  /** Number of summands. */
  length: number;
  /** p (default 7): summands and sum are 0 … p - 1, the equals sign is symbol p, the vocabulary p + 1. */
  modulus?: number;
}

/** a₁ … aₙ, equals sign, (a₁ + … + aₙ) mod p. T = n + 1; the last is scored. */
export function modularAdditionExample(rng: Rng, { length, modulus = 7 }: ModularOptions): SyntheticExample {
  const summands = drawSymbols(rng, length, modulus);
  return example([...summands, modulus, summands.reduce((sum, a) => sum + a) % modulus], 1);
}

function drawSymbols(rng: Rng, length: number, symbols: number): number[] {
  assertAtLeast("length", length, 1);
  assertAtLeast("symbols", symbols, 1);
  return Array.from({ length }, () => rng.below(symbols));
}

function example(sequence: number[], scored: number): SyntheticExample {
  const T = sequence.length - 1;
  return {
    inputs: Int32Array.from(sequence.slice(0, T)),
    targets: Int32Array.from(sequence.slice(1)),
    mask: new Uint8Array(T).fill(1, T - scored),
  };
}

function assertAtLeast(where: string, count: number, least: number): void {
  if (Number.isSafeInteger(count) && count >= least) return;
  fail({ code: "E_SYNTHETIC", where, expected: `a whole number from ${least}`, got: String(count) });
}
