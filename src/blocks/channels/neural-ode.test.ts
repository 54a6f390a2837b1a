import { expect, test } from "vitest";
import {
  channelSuite,
  evaluate,
  type NaiveTokensArguments,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import { affine } from "./activations-naive.ts";
import { neuralOde } from "./neural-ode.ts";

type Config = ReturnType<typeof neuralOde.config.parse>;
interface Weights {
  inward: number[][];
  inwardBias: number[];
  clock: number[];
  outward: number[][];
  outwardBias: number[];
}

const moved = (z: readonly number[], by: number, ...slopes: readonly (readonly [number, number[]])[]) =>
  z.map((value, i) => value + by * slopes.reduce((sum, [weight, slope]) => sum + weight * slope[i]!, 0));

/** Euler's and Heun's methods and Kutta's 3/8 rule, spelled out. */
function journey(x: number[], p: Weights, { method, steps }: Config): number[] {
  const field = (z: readonly number[], t: number) =>
    affine(
      affine(z, p.inward, p.inwardBias).map((v, i) => Math.tanh(v + p.clock[i]! * t)),
      p.outward,
      p.outwardBias,
    );
  const h = 1 / steps;
  let z = x;
  for (let k = 0; k < steps; k++) {
    const t = k * h;
    const a = field(z, t);
    if (method === "euler") z = moved(z, h, [1, a]);
    else if (method === "heun2") z = moved(z, h / 2, [1, a], [1, field(moved(z, h, [1, a]), t + h)]);
    else {
      const b = field(moved(z, h / 3, [1, a]), t + h / 3);
      const c = field(moved(z, h, [-1 / 3, a], [1, b]), t + (2 * h) / 3);
      const d = field(moved(z, h, [1, a], [-1, b], [1, c]), t + h);
      z = moved(z, h / 8, [1, a], [3, b], [3, c], [1, d]);
    }
  }
  return z.map((value, i) => value - x[i]!);
}

channelSuite(neuralOde, {
  configs: [{}, { method: "euler", steps: 3, hidden: 5 }, { method: "heun2", steps: 2 }],
  naive: ({ x, p, c }: Pick<NaiveTokensArguments<Config>, "x" | "c"> & { p: Weights }) => ({
    y: x.map((row) => row.map((token) => journey(token, p, c))),
  }),
  width: 4,
});

const D = 4;

/** Two tokens, far and near to where the field is strong, through the block with other options. */
function through(options: Partial<Config>, tokens = 2): Float64Array {
  const config = neuralOde.config.parse(options);
  const d = neuralOde.dims(config, D);
  const parameters = Object.entries(neuralOde.params(d, config)).map(([name, { shape }]) => [
    name,
    randomNormal(name, shape, 0.4),
  ]);
  return run({
    inputs: { ...Object.fromEntries(parameters), x: randomNormal("x", [1, tokens, D], 2) },
    build: ({ x, ...at }) => ({
      y: neuralOde.forward(x!, { c: config, d, p: weightsFrom(at) as never, b: {}, io: plainIo("eval") }).y,
    }),
  }).y!.data;
}

const distance = (a: Float64Array, b: Float64Array) => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));

test.each(["dopri5", "bosh3"] as const)("[neural-ode] adaptive %s keeps the error that it is asked for", (method) => {
  const exact = through({ method: "rk4", steps: 400 });
  const error = (rtol: number) => distance(through({ method, adaptive: true, rtol, atol: rtol, maxSteps: 200 }), exact);
  expect(error(1e-3)).toBeLessThan(1e-2);
  expect(error(1e-7)).toBeLessThan(1e-6);
  expect(error(1e-7)).toBeLessThan(error(1e-3));
});

test("[neural-ode] tokens choose their steps alone, and an exhausted budget of attempts is finished in one step", () => {
  const options = { method: "dopri5", adaptive: true, rtol: 1e-6, atol: 1e-6 } as const;
  const [both, alone] = [through({ ...options, maxSteps: 60 }), through({ ...options, maxSteps: 60 }, 1)];
  expect(distance(both.slice(0, D), alone)).toBe(0);
  const cut = through({ ...options, maxSteps: 1 });
  expect(distance(cut, both)).toBeLessThan(0.5);
});

test("adaptive steps need a method with an error estimate", () => {
  const config = neuralOde.config.parse({ adaptive: true });
  expect(() => neuralOde.dims(config, D)).toThrow(
    /neural-ode.method: expected one with an error estimate.*E_ODE_METHOD/,
  );
});

test("[neural-ode] the adjoint's gradients come near to those of the steps as both solve finer, in the block as trained", () => {
  const gradients = (options: Partial<Config>) => {
    const config = neuralOde.config.parse(options);
    const d = neuralOde.dims(config, D);
    const drawn = Object.entries(neuralOde.params(d, config)).map(([name, { shape }]) => [
      name,
      randomNormal(name, shape, 0.4),
    ]);
    return evaluate({
      inputs: { ...Object.fromEntries(drawn), x: randomNormal("x", [1, 3, D]) },
      build: ({ x, ...at }) => ({
        y: neuralOde.forward(x!, { c: config, d, p: weightsFrom(at) as never, b: {}, io: plainIo("train") }).y,
      }),
    });
  };
  const apart = (options: Partial<Config>) => {
    const [adjoint, steps] = (["adjoint", "steps"] as const).map((gradient) => gradients({ ...options, gradient }));
    expect(adjoint!.outputs.y!).toBeAllclose(steps!.outputs.y!, { tolerance: 1e-12 });
    const errors = Object.entries(steps!.gradients).map(([name, { data }]) => {
      const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      return distance(Float64Array.from(adjoint!.gradients[name]!.data), Float64Array.from(data)) / largest;
    });
    return Math.max(...errors);
  };
  expect(apart({ steps: 2 })).toBeLessThan(0.02);
  expect(apart({ steps: 16 })).toBeLessThan(apart({ steps: 2 }) / 100);
  expect(apart({ method: "dopri5", adaptive: true, rtol: 1e-6, atol: 1e-6, maxSteps: 40 })).toBeLessThan(1e-4);
});
