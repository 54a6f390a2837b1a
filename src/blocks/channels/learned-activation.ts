/**
 * Nonlinearities with parameters of their own, for the hidden layer of channel mixers.
 * Axes: F hidden features, the last one of x.
 */
import { z } from "zod";
import { expm1, leakyRelu, reluSquared } from "../../ops/index.ts";
import { layerNorm, type Tensor, where, zeros } from "../../tensor/index.ts";
import type { Capabilities } from "../define.ts";
import { gain, type ParameterDeclaration, vector } from "../weights/declare.ts";
import { value, type Weight } from "../weights/use.ts";
import { type ActivationKind, activationKinds, activations, smoothnessOf } from "./activation.ts";

interface LearnedActivation {
  params: (F: number) => Readonly<Record<string, ParameterDeclaration>>;
  apply: (x: Tensor, p: Readonly<Record<string, Tensor>>) => Tensor;
  smooth: Capabilities["smooth"];
}

const thirds = { kind: "values", fill: () => [0, 1 / 3, 1 / 3, 1 / 3] } as const;

/** Of a factor `a_i` of each of the powers 0 … 3. */
const polynomial = (powers: readonly Tensor[], a: Tensor): Tensor =>
  powers.reduce((sum, power, i) => sum.add(power.mul(a.slice(0, i + 1, i + 2))), a.slice(0, 0, 1));

/** x, x², x³. */
const powersOf = (x: Tensor): Tensor[] => [x, x.square(), x.square().mul(x)];

/**
 * Divided by its root mean square over the features. x is first brought to a greatest magnitude of 1, which changes
 * nothing but keeps powers finite.
 */
function normedPowers(x: Tensor): Tensor[] {
  const top = x.abs().max(-1, true).stopGradient();
  const unit = x.div(where(top.equal(0), 1, top));
  return powersOf(unit).map((power) => power.div(power.square().mean(-1, true).add(1e-12).sqrt()));
}

const learned = {
  /** x where positive, else slope·x, a slope per feature. He et al. 2015, eq. 1. */
  prelu: {
    params: (F) => ({ activationSlope: vector(F, 0.25) }),
    apply: (x, { activationSlope }) => leakyRelu(x, activationSlope!),
    smooth: "away from ties",
  },
  /** x·σ(βx), β per feature. Ramachandran et al. 2017. */
  swish: {
    params: (F) => ({ activationBeta: vector(F, 1) }),
    apply: (x, { activationBeta }) => x.mul(x.mul(activationBeta!).sigmoid()),
    smooth: "everywhere",
  },
  /** s·max(x, 0)² + b with scalars that start at unit variance. Yu et al. 2022 (MetaFormer baselines), eq. 9. */
  "star-relu": {
    params: () => ({ activationScale: vector(1, 0.8944), activationShift: vector(1, -0.4472) }),
    apply: (x, { activationScale, activationShift }) => reluSquared(x).mul(activationScale!).add(activationShift!),
    smooth: "away from ties",
  },
  /** Σ aᵢ max(x, 0)ⁱ, i = 0 … 3. Zhuo et al. 2024 (arXiv 2411.03884), eq. 6. */
  polyrelu: {
    params: () => ({ activationPowers: vector(4, thirds) }),
    apply: (x, { activationPowers }) => polynomial(powersOf(x.relu()), activationPowers!),
    smooth: "away from ties",
  },
  /** a₀ + Σ aᵢ xⁱ / rms(xⁱ) over the features, i = 1 … 3: the same at any scale of x. Zhuo et al. 2024, eq. 7. */
  polynorm: {
    params: () => ({ activationPowers: vector(4, thirds) }),
    apply: (x, { activationPowers }) => polynomial(normedPowers(x), activationPowers!),
    smooth: "everywhere",
  },
  /** Dynamic range activator, x + a sin²(x/b) + c cos(bx) + d tanh(bx), with scalars. Hashemi et al. 2024. */
  dra: {
    params: () => ({ activationWaves: vector(4, { kind: "values", fill: () => [1, 1, 0, 0] }) }),
    apply(x, { activationWaves }) {
      const [a, b, c, d] = activationWaves!.split(0, [1, 1, 1, 1]) as [Tensor, Tensor, Tensor, Tensor];
      const turned = x.mul(b);
      return x.add(x.div(b).sin().square().mul(a)).add(turned.cos().mul(c)).add(turned.tanh().mul(d));
    },
    smooth: "everywhere",
  },
  /** LayerNorm(x·softmax(x)) over the features, with a gain. Elhage et al. 2022. */
  solu: {
    params: (F) => ({ activationGain: gain(F) }),
    apply: (x, { activationGain }) => layerNorm(x.mul(x.softmax(-1)), activationGain!, zeros([x.dim(-1)])),
    smooth: "everywhere",
  },
  /** a x² + βx where positive, else b (e^x − 1 − x) + βx, with a = softplus p, b = β + softplus n. Huang & Schlag 2024. */
  xielu: {
    params: () => ({ activationPositive: vector(1, 0.8), activationNegative: vector(1, 0.8) }),
    apply(x, { activationPositive, activationNegative }) {
      const beta = 0.5;
      const below = x.minimum(-1e-6);
      const convex = activationPositive!.softplus().mul(x.square());
      const concave = activationNegative!.softplus().add(beta).mul(expm1(below).sub(x));
      return where(x.greater(0), convex, concave).add(x.mul(beta));
    },
    smooth: "away from ties",
  },
} as const satisfies Record<string, LearnedActivation>;

export type LearnedKind = keyof typeof learned;
export type HiddenActivation = ActivationKind | LearnedKind;
export const learnedKinds = Object.keys(learned) as LearnedKind[];

/** Every nonlinearity of a dense channel mixer, with parameters or without. */
export const hiddenActivationSchema = z.enum([...activationKinds, ...learnedKinds]);

const learnedOf = (kind: HiddenActivation): LearnedActivation | undefined =>
  (learned as Readonly<Record<string, LearnedActivation>>)[kind];

/** Parameters that a nonlinearity adds to its channel mixer, for F hidden features. */
export const activationParams = (kind: HiddenActivation, F: number): Readonly<Record<string, ParameterDeclaration>> =>
  learnedOf(kind)?.params(F) ?? {};

/** The nonlinearity, its parameters among the channel mixer's. */
export function activate(kind: HiddenActivation, x: Tensor, p: Readonly<Record<string, Weight | undefined>>): Tensor {
  const own = learnedOf(kind);
  if (own === undefined) return activations[kind as ActivationKind](x);
  const names = Object.keys(own.params(x.dim(-1)));
  return own.apply(x, Object.fromEntries(names.map((name) => [name, value(p[name]!)])));
}

export const hiddenSmoothness = (kind: HiddenActivation): Capabilities["smooth"] =>
  learnedOf(kind)?.smooth ?? smoothnessOf(kind as ActivationKind);
