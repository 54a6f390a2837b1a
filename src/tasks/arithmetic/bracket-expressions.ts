/** Expressions d, −d, (d), (−d), (L op R) over numbers 0 … m − 1, of exactly as many symbols as asked for. */
import type { Rng } from "../../ops/index.ts";
import { remainder } from "./remainder.ts";

/** Ids of the symbols that are no numbers; `operators` are those drawn, plus and minus first. */
export interface Notation {
  modulus: number;
  operators: readonly number[];
  open: number;
  close: number;
}

/** Delétang et al. 2023 (arXiv 2207.02098): shapes by length, longer ones split at random. */
export function drawExpression(rng: Rng, length: number, notation: Notation): number[] {
  const { modulus, operators, open, close } = notation;
  if (length <= 2) return [...(length === 2 ? [operators[1]!] : []), rng.below(modulus)];
  if (length <= 4) return [open, ...drawExpression(rng, length - 2, notation), close];
  const left = 1 + rng.below(length - 4);
  return [
    open,
    ...drawExpression(rng, left, notation),
    operators[rng.below(operators.length)]!,
    ...drawExpression(rng, length - 3 - left, notation),
    close,
  ];
}

/** The value modulo m. */
export function valueModulo(expression: readonly number[], { modulus, operators, open, close }: Notation): number {
  const [plus, minus, times] = operators;
  let at = 0;
  const operand = (): number => {
    const id = expression[at++]!;
    if (id === minus) return -operand();
    if (id !== open) return id;
    const value = bracketed();
    at++;
    return value;
  };
  const bracketed = (): number => {
    const left = operand();
    if (expression[at] === close) return left;
    const operator = expression[at++]!;
    const right = operand();
    if (operator === times) return remainder(left * right, modulus);
    return operator === plus ? left + right : left - right;
  };
  return remainder(operand(), modulus);
}
