import { expect } from "vitest";
import type { Capabilities } from "../blocks/index.ts";
import type { Arrays } from "./arrays.ts";
import "./allclose.ts";
import { checkDerivatives } from "./central-differences.ts";
import { evaluateNative } from "./native.ts";
import { cotangentOf, type Evaluation, evaluate, magnitude, run, type Subject } from "./subject.ts";

/** Between two ways of computing one thing in f64. */
const sameTolerance = 1e-8;
/** Between f32 and f64, relative to the largest value of a tensor. */
const nativeTolerance = 2e-4;
/** Gradients this far below the largest of all are rounding of zero in f32, or nearly. */
const negligible = { f64: 1e-6, f32: 1e-2 } as const;

/** Two subjects with the same inputs and outputs give equal values and gradients. */
export function expectSameFunction(actual: Subject, expected: Subject): void {
  const [a, b] = [evaluate(actual), evaluate(expected)];
  expect(Object.keys(a.outputs).sort()).toEqual(Object.keys(b.outputs).sort());
  expectClose(a, b, { tolerance: sameTolerance, floor: negligible.f64 * magnitude(b.gradients) });
}

/** The native engine gives the reference engine's values and gradients. */
export async function expectNativeAgrees(subject: Subject): Promise<void> {
  const reference = evaluate(subject);
  const [native] = await evaluateNative(subject);
  expectClose(native!, reference, {
    tolerance: nativeTolerance,
    floor: negligible.f32 * magnitude(reference.gradients),
  });
}

function expectClose(actual: Evaluation, expected: Evaluation, gradients: { tolerance: number; floor: number }): void {
  for (const [name, value] of Object.entries(actual.outputs))
    expect(value, name).toBeAllclose(expected.outputs[name]!, { tolerance: gradients.tolerance });
  for (const [name, value] of Object.entries(actual.gradients))
    expect(value, `gradient of ${name}`).toBeAllclose(expected.gradients[name]!, gradients);
}

/** The native engine gives the same bits when run again, and when the graph is made again. */
export async function expectSameBits(make: () => Subject): Promise<void> {
  const [first, again] = await evaluateNative(make(), { runs: 2 });
  const [remade] = await evaluateNative(make());
  expect(again).toEqual(first);
  expect(remade).toEqual(first);
}

/** A naive form of the same function over arrays: equal values, and its central differences equal the gradients. */
export function expectNaiveAgrees(
  subject: Subject,
  { naive, smooth }: { naive: (inputs: Arrays) => Arrays; smooth: Capabilities["smooth"] },
): void {
  const { outputs, gradients } = evaluate(subject);
  const expected = naive(subject.inputs);
  expect(Object.keys(expected).sort()).toEqual(Object.keys(outputs).sort());
  for (const [name, value] of Object.entries(outputs))
    expect(value, `${name} beside the naive form`).toBeAllclose(expected[name]!, { tolerance: sameTolerance });
  checkDerivatives({ inputs: subject.inputs, gradients, value: (inputs) => objective(naive(inputs)), smooth });
}

function objective(outputs: Arrays): number {
  return Object.entries(outputs).reduce((sum, [name, { shape, data }]) => {
    const cotangent = cotangentOf(name, shape).data;
    return data.reduce((total, x, i) => total + x * cotangent[i]!, sum);
  }, 0);
}

/** How a perturbation of some inputs shows in outputs. */
export interface Perturbation {
  before: Arrays;
  after: Arrays;
}

/** Outputs at the subject's inputs and at inputs of which some are replaced. */
export function perturb(subject: Subject, replaced: Arrays): Perturbation {
  return { before: run(subject), after: run({ ...subject, inputs: { ...subject.inputs, ...replaced } }) };
}
