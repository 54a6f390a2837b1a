import { expect } from "vitest";
import type { Capabilities } from "../blocks/index.ts";
import { compileReference } from "../engine/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { type Arrays, mapArray, type NdArray, randomUniform } from "./arrays.ts";
import { evaluate, feedsOf, magnitude, objectiveOf, type Subject, trace } from "./subject.ts";

const directionsPerTensor = 3;
const coordinatesPerTensor = 8;
const tolerance = 1e-5;
/** A tensor whose gradient is far below the largest is judged against this share of it: differences carry rounding. */
const negligible = 1e-3;

/** Distance of the points; small where the function has kinks, which the points should not straddle. */
const stepOf = (smooth: Capabilities["smooth"]) => (smooth === "everywhere" ? 1e-4 : 1e-6);

/** f'(0) from four points, error of order step⁴. */
function slope(f: (t: number) => number, step: number): number {
  return (8 * (f(step) - f(-step)) - (f(2 * step) - f(-2 * step))) / (12 * step);
}

export interface DerivativeCheck {
  inputs: Arrays;
  gradients: Arrays;
  /** The scalar whose gradients are given, as a function of the inputs. */
  value: (inputs: Arrays) => number;
  smooth: Capabilities["smooth"];
  /** Whether single coordinates are checked beside random directions. */
  coordinates?: boolean;
}

/** Compares gradients with central differences of `value` along random directions of every tensor, and at coordinates. */
export function checkDerivatives({ inputs, gradients, value, smooth, coordinates = false }: DerivativeCheck): void {
  const floor = Math.max(negligible * magnitude(gradients), Number.EPSILON);
  for (const [name, at] of Object.entries(inputs)) {
    const along = (direction: NdArray) =>
      slope((t) => value({ ...inputs, [name]: mapArray(at, (x, i) => x + t * direction.data[i]!) }), stepOf(smooth));
    const gradient = gradients[name]!;
    const largest = Math.max(floor, magnitude({ gradient }));
    for (const { label, direction, scale } of [
      ...randomDirections(name, gradient, largest),
      ...(coordinates ? singleCoordinates(name, gradient, largest) : []),
    ]) {
      const expected = along(direction);
      const actual = gradient.data.reduce((sum, g, i) => sum + g * direction.data[i]!, 0);
      const message = `${label}: gradient ${actual}, central difference ${expected}, scale ${scale}`;
      expect(Math.abs(actual - expected) / scale, message).toBeLessThanOrEqual(tolerance);
    }
  }
}

interface Probe {
  label: string;
  direction: NdArray;
  /** What a difference is relative to. */
  scale: number;
}

/** Directions of ±1; relative to the root of the gradient's sum of squares, what such a product is expected to be. */
function randomDirections(name: string, gradient: NdArray, largest: number): Probe[] {
  const norm = Math.sqrt(gradient.data.reduce((sum, g) => sum + g * g, 0));
  return Array.from({ length: directionsPerTensor }, (_, i) => ({
    label: `${name} along random direction ${i}`,
    direction: mapArray(randomUniform(`direction ${name} ${i}`, gradient.shape), (u) => (u < 0.5 ? -1 : 1)),
    scale: Math.max(norm, largest),
  }));
}

function singleCoordinates(name: string, gradient: NdArray, largest: number): Probe[] {
  const size = gradient.data.length;
  const count = Math.min(coordinatesPerTensor, size);
  const picked = new Set(Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * size) / count)));
  return [...picked].map((element) => ({
    label: `${name} at element ${element}`,
    direction: mapArray(gradient, (_, i) => (i === element ? 1 : 0)),
    scale: largest,
  }));
}

/** Gradients of a subject on the reference engine against central differences of the same graph, in f64. */
export function checkSubjectDerivatives(subject: Subject, smooth: Capabilities["smooth"] = "everywhere"): void {
  const program = compileReference([objectiveOf(trace(subject).outputs)]);
  checkDerivatives({
    inputs: subject.inputs,
    gradients: evaluate(subject).gradients,
    value: (inputs) => program.run(feedsOf(inputs))[0]![0]!,
    smooth,
    coordinates: true,
  });
}

/** Gradients of `fn` at `inputs` against central differences: tensors by name to one tensor, or several by name. */
export function gradCheck(
  fn: (at: Readonly<Record<string, Tensor>>) => Tensor | Readonly<Record<string, Tensor>>,
  inputs: Arrays,
  { smooth = "everywhere" }: { smooth?: Capabilities["smooth"] } = {},
): void {
  const build: Subject["build"] = (at) => {
    const result = fn(at);
    return "node" in result ? { y: result as Tensor } : (result as Readonly<Record<string, Tensor>>);
  };
  checkSubjectDerivatives({ inputs, build }, smooth);
}
