import type { ActivationKind } from "./activation.ts";
import type { HiddenActivation, LearnedKind } from "./learned-activation.ts";

/** Abramowitz & Stegun 7.1.5: the series of erf, which converges everywhere and fast for small arguments. */
function erf(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 200; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const clip = (x: number, low: number, high: number) => Math.min(high, Math.max(low, x));
const elu = (x: number, alpha: number) => (x > 0 ? x : alpha * Math.expm1(x));
const softplus = (x: number) => Math.log1p(Math.exp(x));

/** The definitions of all activations, for tests. */
export const naiveActivations: Readonly<Record<ActivationKind, (x: number) => number>> = {
  gelu: (x) => (x * (1 + erf(x / Math.SQRT2))) / 2,
  "gelu-tanh": (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  "gelu-sigmoid": (x) => x * sigmoid(1.702 * x),
  relu: (x) => Math.max(0, x),
  "relu-squared": (x) => Math.max(0, x) ** 2,
  "leaky-relu": (x) => (x > 0 ? x : 0.01 * x),
  relu6: (x) => clip(x, 0, 6),
  elu: (x) => elu(x, 1),
  selu: (x) => 1.0507009873554805 * elu(x, 1.6732632423543772),
  silu: (x) => x * sigmoid(x),
  mish: (x) => x * Math.tanh(softplus(x)),
  softplus,
  softsign: (x) => x / (1 + Math.abs(x)),
  "hard-sigmoid": (x) => clip(x / 6 + 0.5, 0, 1),
  "hard-swish": (x) => (x * clip(x + 3, 0, 6)) / 6,
  "hard-tanh": (x) => clip(x, -1, 1),
  sigmoid,
  tanh: Math.tanh,
  identity: (x) => x,
};

const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;
const rootMeanSquare = (values: readonly number[]) => Math.sqrt(mean(values.map((v) => v * v)));
const polynomial = (a: readonly number[], powers: readonly number[]) =>
  powers.reduce((sum, power, i) => sum + a[i + 1]! * power, a[0]!);

/** The parameters of nonlinearities, as named in channel mixers. */
export type NaiveActivationWeights = Partial<Record<`activation${string}`, number[]>>;

function solu(x: readonly number[], gain: readonly number[]): number[] {
  const e = x.map(Math.exp);
  const total = e.reduce((sum, v) => sum + v, 0);
  const weighted = x.map((v, i) => (v * e[i]!) / total);
  const centred = weighted.map((v) => v - mean(weighted));
  const deviation = Math.sqrt(mean(centred.map((v) => v * v)) + 1e-5);
  return centred.map((v, i) => (v / deviation) * gain[i]!);
}

const naiveLearned: Readonly<Record<LearnedKind, (x: number[], p: NaiveActivationWeights) => number[]>> = {
  prelu: (x, { activationSlope }) => x.map((v, i) => (v > 0 ? v : v * activationSlope![i]!)),
  swish: (x, { activationBeta }) => x.map((v, i) => v * sigmoid(activationBeta![i]! * v)),
  "star-relu": (x, { activationScale, activationShift }) =>
    x.map((v) => activationScale![0]! * Math.max(0, v) ** 2 + activationShift![0]!),
  polyrelu: (x, { activationPowers }) =>
    x.map((v) =>
      polynomial(
        activationPowers!,
        [1, 2, 3].map((i) => Math.max(0, v) ** i),
      ),
    ),
  polynorm(x, { activationPowers }) {
    const sizes = [1, 2, 3].map((i) => rootMeanSquare(x.map((v) => v ** i)));
    return x.map((v) =>
      polynomial(
        activationPowers!,
        sizes.map((size, i) => v ** (i + 1) / size),
      ),
    );
  },
  dra(x, { activationWaves }) {
    const [a, b, c, d] = activationWaves! as [number, number, number, number];
    return x.map((v) => v + a * Math.sin(v / b) ** 2 + c * Math.cos(b * v) + d * Math.tanh(b * v));
  },
  xielu(x, { activationPositive, activationNegative }) {
    const [a, b] = [softplus(activationPositive![0]!), 0.5 + softplus(activationNegative![0]!)];
    return x.map((v) => 0.5 * v + (v > 0 ? a * v * v : b * (Math.expm1(Math.min(v, -1e-6)) - v)));
  },
  solu: (x, { activationGain }) => solu(x, activationGain!),
};

/** Any nonlinearity over a hidden layer. */
export function naiveActivate(kind: HiddenActivation, x: number[], p: NaiveActivationWeights): number[] {
  return kind in naiveActivations
    ? x.map(naiveActivations[kind as ActivationKind])
    : naiveLearned[kind as LearnedKind](x, p);
}

/** x [inputs] · W [inputs][outputs] + b. */
export function affine(x: readonly number[], w: readonly (readonly number[])[], b?: readonly number[]): number[] {
  return w[0]!.map((_, j) => x.reduce((sum, v, i) => sum + v * w[i]![j]!, b?.[j] ?? 0));
}
