import type { Shape } from "../../tensor/index.ts";

/** What an optimizer may treat apart: matrices decay, the others do not. */
export type Role = "matrix" | "embedding" | "gain" | "bias" | "vector";

/** How a parameter starts. `residual` scales a matrix that writes into the residual stream by 1/√(2·layers). */
export type Init =
  | { kind: "normal"; std: number; fans?: Fans }
  | { kind: "residual"; std: number; fans?: Fans }
  | { kind: "uniform"; low: number; high: number }
  | { kind: "constant"; value: number }
  /** Row-major values from uniform draws in [0, 1). */
  | { kind: "values"; fill: (uniform: () => number, shape: Shape) => ArrayLike<number> };

/** Of a matrix whose start follows from its inputs alone: what a spec's own way to start goes by (`model/init-scheme.ts`). */
export interface Fans {
  readonly inputs: number;
  readonly outputs: number;
}

/** One trainable tensor, declared once: shape, start and optimizer role. */
export interface ParameterDeclaration {
  readonly shape: Shape;
  readonly init: Init;
  readonly role: Role;
}

const fanIn = (inputs: number) => 1 / Math.sqrt(inputs);

/** A matrix [inputs, outputs] for `linear`; default init normal with std 1/√inputs. */
export function matrix(
  inputs: number,
  outputs: number,
  { init = "fanIn" }: { init?: "fanIn" | "residual" | "zeros" | Init } = {},
): ParameterDeclaration {
  const fans = { inputs, outputs };
  const named: Record<string, Init> = {
    fanIn: { kind: "normal", std: fanIn(inputs), fans },
    residual: { kind: "residual", std: fanIn(inputs), fans },
    zeros: { kind: "constant", value: 0 },
  };
  return { shape: [inputs, outputs], init: typeof init === "string" ? named[init]! : init, role: "matrix" };
}

/** An offset [size], zero unless told otherwise. */
export function bias(size: number, init: number | Init = 0): ParameterDeclaration {
  return { shape: [size], init: initOf(init), role: "bias" };
}

/** A factor, one unless told otherwise; any shape. */
export function gain(shape: number | Shape, init: number | Init = 1): ParameterDeclaration {
  return { shape: typeof shape === "number" ? [shape] : shape, init: initOf(init), role: "gain" };
}

/** Any other trainable tensor that does not decay (log-decays, time constants, initial states). */
export function vector(shape: number | Shape, init: number | Init = 0): ParameterDeclaration {
  return { shape: typeof shape === "number" ? [shape] : shape, init: initOf(init), role: "vector" };
}

/** Any other trainable tensor that decays like a matrix (stacked or block-diagonal matrices, kernels). */
export function tensor(shape: Shape, init: Init): ParameterDeclaration {
  return { shape, init, role: "matrix" };
}

/** Rows looked up by id: [rows, width]. */
export function table(rows: number, width: number, init: Init = { kind: "normal", std: 0.02 }): ParameterDeclaration {
  return { shape: [rows, width], init, role: "embedding" };
}

function initOf(init: number | Init): Init {
  return typeof init === "number" ? { kind: "constant", value: init } : init;
}
