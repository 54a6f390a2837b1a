/**
 * Frequencies ω of random features whose distribution is learned: fixed noise goes through a map with parameters.
 * Axes: H heads, K head size, M frequencies of a head, C components, S samples of a component, G hidden, N any columns.
 */
import { createRng, fastfood, fnv1a } from "../../ops/index.ts";
import { concat, constant, type Tensor } from "../../tensor/index.ts";
import { bias, type ParameterDeclaration, tensor, vector } from "../weights/declare.ts";
import { value, type Weight } from "../weights/use.ts";

export const spectra = ["mixture", "fastfood", "generator"] as const;

interface SpectrumOptions {
  spectrum: (typeof spectra)[number];
  components: number;
  hidden: number;
  seed: number;
}

interface Sizes {
  H: number;
  K: number;
  M: number;
}

/** Length of Fastfood's rows: the next power of two. */
export const rowLength = (K: number): number => 2 ** Math.ceil(Math.log2(K));

interface Parameters<T> {
  /** Mixture: [H, C, K] twice and [H, C]. */
  means?: T;
  deviations?: T;
  shares?: T;
  /** Fastfood: diagonals of its blocks, [H, M / n, n] each. */
  signs?: T;
  gaussians?: T;
  scales?: T;
  /** Generator: [H, K, G], [G], [H, G, K]. */
  inward?: T;
  inwardBias?: T;
  outward?: T;
}

export function spectrumParams(
  { H, K, M }: Sizes,
  { spectrum, components: C, hidden: G }: SpectrumOptions,
): Parameters<ParameterDeclaration> {
  const normal = (std: number) => ({ kind: "normal", std }) as const;
  const n = rowLength(K);
  const diagonal = [H, M / n, n];
  const sign = (uniform: () => number, shape: readonly number[]) =>
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => (uniform() < 0.5 ? -1 : 1));
  switch (spectrum) {
    case "mixture":
      return { means: vector([H, C, K], normal(0.1)), deviations: vector([H, C, K]), shares: vector([H, C]) };
    case "fastfood":
      return {
        signs: vector(diagonal, { kind: "values", fill: sign }),
        gaussians: vector(diagonal, normal(1)),
        scales: vector(diagonal, 1),
      };
    case "generator":
      return {
        inward: tensor([H, K, G], normal(K ** -0.5)),
        inwardBias: bias(G),
        outward: tensor([H, G, K], normal(0.1 * G ** -0.5)),
      };
  }
}

/** Standard normal numbers [rows, columns], the same ones for the same seed. */
export function noiseOf(seed: number, rows: number, columns: number): Float64Array {
  const rng = createRng(fnv1a(`learned spectrum ${seed}`));
  const draw = () => Math.sqrt(-2 * Math.log(1 - rng.uniform())) * Math.cos(2 * Math.PI * rng.uniform());
  return Float64Array.from({ length: rows * columns }, () => Math.fround(draw()));
}

/** Which entry of a row of n comes to each place, in a block of Fastfood. */
export function permutationOf(seed: number, block: number, n: number): number[] {
  const rng = createRng(fnv1a(`learned spectrum ${seed} ${block}`));
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = rng.below(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

interface At {
  c: SpectrumOptions;
  d: Sizes;
  p: Parameters<Weight>;
}

/** ω·x of columns [H, K, N] as [H, M, N], and what share each frequency has of the kernel, [H, M, 1], if not 1/M. */
export function projected(x_HKN: Tensor, { c, d, p }: At): { angles: Tensor; shares?: Tensor } {
  if (c.spectrum === "fastfood") return { angles: fastAngles(x_HKN, { c, d, p }) };
  const noise = constant(noiseOf(c.seed, d.M, d.K), [d.M, d.K]);
  if (c.spectrum === "generator") {
    const hidden_HMG = noise.matmul(value(p.inward!)).add(value(p.inwardBias!)).tanh();
    return { angles: noise.add(hidden_HMG.matmul(value(p.outward!))).matmul(x_HKN) };
  }
  const S = d.M / c.components;
  const spread = (t: Tensor) => t.unsqueeze(2);
  const samples = noise.reshape([c.components, S, d.K]);
  const omega = samples.mul(spread(value(p.deviations!).exp())).add(spread(value(p.means!)));
  const shares_HC1 = value(p.shares!).softmax(-1).div(S).unsqueeze(-1);
  return {
    angles: omega.reshape([d.H, d.M, d.K]).matmul(x_HKN),
    shares: shares_HC1.expand([d.H, c.components, S]).reshape([d.H, d.M, 1]),
  };
}

function fastAngles(x_HKN: Tensor, { c, d, p }: At): Tensor {
  const n = rowLength(d.K);
  const rows_HNn = x_HKN.swap(1, 2).pad(-1, 0, n - d.K);
  const block = (b: number) => {
    const diagonal = (w: Weight) => value(w).slice(1, b, b + 1);
    const parts = { signs: diagonal(p.signs!), gaussians: diagonal(p.gaussians!), scales: diagonal(p.scales!) };
    return fastfood(rows_HNn, { ...parts, permutation: permutationOf(c.seed, b, n) }).swap(1, 2);
  };
  return concat(
    1,
    Array.from({ length: d.M / n }, (_, b) => block(b)),
  );
}
