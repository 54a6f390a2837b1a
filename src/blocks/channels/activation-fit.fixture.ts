import { grad } from "../../grad/index.ts";
import { constant, input, type Tensor } from "../../tensor/index.ts";
import { nativeEngine, randomNormal, weightsFrom } from "../../testing/index.ts";
import { adamScalars, adamw } from "../../train/index.ts";
import { activate, type HiddenActivation } from "./learned-activation.ts";

const adam = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8 };
const rows = 64;

interface Fit {
  kind: HiddenActivation;
  target: (x: number) => number;
  /** Starts of the nonlinearity's own parameters. */
  own?: Readonly<Record<string, readonly number[]>>;
  seed?: number;
}

interface Parameter {
  name: string;
  leaf: Tensor;
  start: Float32Array;
}

function parametersOf({ own = {}, seed = 0 }: Fit, hidden: number): Parameter[] {
  const shapes = { w: [1, hidden], b: [hidden], v: [hidden, 1], c: [1] };
  const drawn = Object.entries(shapes).map(([name, shape]): Parameter => {
    const scale = name === "v" ? hidden ** -0.5 : name === "c" ? 0 : 1;
    const start = Float32Array.from(randomNormal(`${name} ${seed}`, shape, scale).data);
    return { name, leaf: input(name, shape), start };
  });
  const learned = Object.entries(own).map(([name, start]): Parameter => {
    return { name, leaf: input(name, [start.length]), start: Float32Array.from(start) };
  });
  return [...drawn, ...learned];
}

/**
 * Trains x → φ(x·w + b)·v + c, one hidden layer of 6, on points of [−1, 1] for 300 steps: the last mean squared error
 * over the target's variance.
 */
export async function errorAfterTraining(options: Fit): Promise<number> {
  const parameters = parametersOf(options, 6);
  const leaves = Object.fromEntries(parameters.map(({ name, leaf }) => [name, leaf]));
  const xs = Array.from({ length: rows }, (_, i) => (2 * i) / (rows - 1) - 1);
  const ys = xs.map(options.target);
  const mean = ys.reduce((sum, v) => sum + v, 0) / rows;
  const variance = ys.reduce((sum, v) => sum + (v - mean) ** 2, 0) / rows;
  const x = input("x", [rows, 1]);
  const hidden = activate(options.kind, x.matmul(leaves.w!).add(leaves.b!), weightsFrom(leaves));
  const y = hidden.matmul(leaves.v!).add(leaves.c!);
  const loss = y
    .sub(constant(ys, [rows, 1]))
    .square()
    .mean()
    .div(variance);
  const gradients = grad(
    loss,
    parameters.map(({ leaf }) => leaf),
  );
  const named = Object.fromEntries(parameters.map(({ name }, i) => [`grad:${name}`, gradients[i]!]));
  const trainer = await nativeEngine().trainer({
    program: { outputs: { loss, ...named } },
    parameters: parameters.map(({ name, leaf: { shape }, start: value }) => ({
      name,
      shape,
      value,
      scalars: { weightDecay: 0 },
    })),
    rule: adamw(adam),
    clipNorm: 1,
  });
  let last = Number.NaN;
  for (let t = 1; t <= 300; t++) {
    const { outputs } = await trainer.step([{ x: Float32Array.from(xs) }], adamScalars(adam, t, 0.01));
    last = outputs.loss!;
  }
  await trainer.dispose();
  return last;
}
