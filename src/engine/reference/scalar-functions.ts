import type { BinaryOp, BitOp, CompareOp, LogicOp, ReduceOp, UnaryOp } from "../../tensor/index.ts";
import { erf } from "./erf.ts";

type Unary = (x: number) => number;
type Binary = (a: number, b: number) => number;

/** Nearest integer, halves to the even one. */
function round(x: number): number {
  const nearest = Math.round(x);
  return nearest - x === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
}

export const unaryFunctions: Readonly<Record<UnaryOp, Unary>> = {
  neg: (x) => -x,
  abs: Math.abs,
  // 0 also for NaN, as in PyTorch and ONNX Runtime.
  sign: (x) => (x > 0 ? 1 : x < 0 ? -1 : 0),
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  reciprocal: (x) => 1 / x,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  erf,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  floor: Math.floor,
  ceil: Math.ceil,
  round,
};

/** IEEE 754 pow: unlike JavaScript's, 1 to any power and −1 to an infinite one are 1. */
function pow(a: number, b: number): number {
  return a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY) ? 1 : a ** b;
}

/** Integer power modulo 2³²; negative exponents truncate to 0 but for bases ±1. */
function integerPower(a: number, b: number): number {
  if (b < 0) return a === 1 ? 1 : a === -1 ? (b % 2 === 0 ? 1 : -1) : 0;
  let result = 1;
  for (let base = a, rest = b; rest > 0; rest = Math.floor(rest / 2), base = Math.imul(base, base))
    if (rest % 2 === 1) result = Math.imul(result, base);
  return result;
}

export const floatBinary: Readonly<Record<BinaryOp, Binary>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow,
  maximum: Math.max,
  minimum: Math.min,
  mod: (a, b) => a % b,
};

/** Results still to be wrapped into the dtype; division by zero then gives 0. */
export const integerBinary: Readonly<Record<BinaryOp, Binary>> = {
  ...floatBinary,
  mul: Math.imul,
  div: (a, b) => Math.trunc(a / b),
  pow: integerPower,
};

export const compareFunctions: Readonly<Record<CompareOp, Binary>> = {
  less: (a, b) => (a < b ? 1 : 0),
  lessEqual: (a, b) => (a <= b ? 1 : 0),
  equal: (a, b) => (a === b ? 1 : 0),
};

export const logicFunctions: Readonly<Record<LogicOp, Binary>> = {
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
};

/** Results still to be wrapped into the dtype. Shifts by 32 or more empty the word; i32 shifts right with its sign. */
export const bitFunctions: Readonly<Record<BitOp, Binary>> = {
  bitAnd: (a, b) => a & b,
  bitOr: (a, b) => a | b,
  bitXor: (a, b) => a ^ b,
  shiftRight: (a, b) => Math.floor(a / 2 ** b),
  shiftLeft: (a, b) => (b > 31 ? 0 : a << b),
};

/** Neutral element and combination of each reduction. */
export const reductions: Readonly<Record<ReduceOp, { start: number; combine: Binary }>> = {
  reduceSum: { start: 0, combine: floatBinary.add },
  reduceProd: { start: 1, combine: floatBinary.mul },
  reduceMax: { start: Number.NEGATIVE_INFINITY, combine: Math.max },
  reduceMin: { start: Number.POSITIVE_INFINITY, combine: Math.min },
};
