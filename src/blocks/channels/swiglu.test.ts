import { expect, test } from "vitest";
import { full, type Tensor, zeros } from "../../tensor/index.ts";
import {
  channelSuite,
  gradCheck,
  type NaiveTokensArguments,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import type { ActivationKind } from "./activation.ts";
import { affine, naiveActivate, naiveActivations } from "./activations-naive.ts";
import type { HiddenActivation } from "./learned-activation.ts";
import { swiglu } from "./swiglu.ts";

type Weights = Record<"gate" | "up" | "down", number[][]> &
  Partial<Record<"gateBias" | "upBias" | "downBias" | "hiddenGain" | "hiddenBias", number[]>>;
type Config = { activation: HiddenActivation; softClamp?: { gate: number; up: number } | undefined };
type Arguments = Pick<NaiveTokensArguments<Config>, "x" | "c"> & { p: Weights };

const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;

function scaled(hidden: number[], gain: number[] | undefined, offset: number[] | undefined): number[] {
  const centre = offset ? mean(hidden) : 0;
  const size = offset ? Math.sqrt(mean(hidden.map((v) => (v - centre) ** 2)) + 1e-5) : 1;
  return hidden.map((v, i) => ((v - centre) / size) * (gain?.[i] ?? 1) + (offset?.[i] ?? 0));
}

const naive = ({ x, p, c }: Arguments) => ({
  y: x.map((row) =>
    row.map((token) => {
      const [open, up] = [affine(token, p.gate, p.gateBias), affine(token, p.up, p.upBias)];
      const plain = naiveActivate(c.activation, open, p);
      const clamp = c.softClamp;
      const gate = clamp ? plain.map((v, i) => (v / open[i]!) * clamp.gate * Math.tanh(open[i]! / clamp.gate)) : plain;
      const hidden = up.map((v, i) => (clamp ? clamp.up * Math.tanh(v / clamp.up) : v) * gate[i]!);
      return affine(scaled(hidden, p.hiddenGain, p.hiddenBias), p.down, p.downBias);
    }),
  ),
});

const kinds = ["gelu", "relu", "relu-squared", "sigmoid", "identity", "swish", "polynorm"] as const;
channelSuite(swiglu, {
  configs: [
    {},
    { bias: true, hidden: 5 },
    { hiddenGain: true, hidden: 5 },
    { softClamp: { gate: 0.5, up: 2 }, hidden: 5 },
    { softClamp: { gate: 1, up: 1 }, activation: "gelu", hidden: 5 },
    { hiddenNorm: true, hidden: 5 },
    ...kinds.map((activation) => ({ activation, hidden: 6 })),
  ],
  naive,
  width: 8,
});

const [D, F] = [6, 10];
const sizes = { x: [2, 3, D], gate: [D, F], up: [D, F], down: [F, D] } as const;
const inputs = Object.fromEntries(Object.entries(sizes).map(([name, shape]) => [name, randomNormal(name, shape)]));

function gated(
  activation: ActivationKind,
  { x, gate, up, down }: Readonly<Record<string, Tensor>>,
  gateBias: Tensor = zeros([F]),
): Tensor {
  const config = swiglu.config.parse({ activation, hidden: F, bias: true });
  const p = weightsFrom({ gate: gate!, up: up!, down: down!, gateBias, upBias: zeros([F]), downBias: zeros([D]) });
  return swiglu.forward(x!, { c: config, d: { D, F }, p, b: {}, io: plainIo("eval") }).y;
}

/** A gate that is 1 everywhere leaves the two linear maps. */
function expectLinear(activation: ActivationKind, gateBias: number): void {
  const { y, linear } = run({
    inputs,
    build: (at) => ({
      y: gated(activation, { ...at, gate: zeros([D, F]) }, full([F], gateBias)),
      linear: at.x!.matmul(at.up!).matmul(at.down!),
    }),
  });
  expect(y).toBeAllclose(linear!, { tolerance: 1e-12 });
}

/** Where an increasing function reaches 1, by bisection. */
function argumentOfOne(f: (x: number) => number): number {
  let [low, high] = [0, 4];
  for (let i = 0; i < 100; i++)
    [low, high] = f((low + high) / 2) < 1 ? [(low + high) / 2, high] : [low, (low + high) / 2];
  return low;
}

test("[geglu] with a gate of 1 it is the linear map of the other two matrices", () => {
  expectLinear("gelu", argumentOfOne(naiveActivations.gelu));
});

test("[glu] gradients are right, an open gate leaves a linear map, and parameters are 3·d·h", () => {
  gradCheck((at) => gated("sigmoid", at), inputs);
  expectLinear("sigmoid", 50);
  const declared = swiglu.params({ D, F }, swiglu.config.parse({ activation: "sigmoid", hidden: F }));
  expect(Object.values(declared).reduce((sum, { shape }) => sum + shape[0]! * shape[1]!, 0)).toBe(3 * D * F);
});

test("the default hidden width makes it as large as a plain net of 4 times the width", () => {
  const config = swiglu.config.parse({});
  expect(swiglu.dims(config, 768).F).toBe((8 * 768) / 3);
  expect(swiglu.dims(config, 64).F).toBe(176);
});
