import {
  averagePool,
  binaryCrossEntropy,
  blockwiseAttention,
  causalConv,
  causalMask,
  cholesky,
  cond,
  cumulativeProduct,
  decayScan,
  deltaRule,
  determinant,
  digamma,
  einsum,
  groupNorm,
  inverse,
  inverseErf,
  irfft,
  keyedDecayScan,
  leastSquares,
  logCumulativeSumExp,
  logGamma,
  logSumExp,
  longConv,
  matrixExponential,
  maxPool,
  pseudoInverse,
  qr,
  resize,
  rfft,
  roll,
  rowLosses,
  scaledDotProduct,
  signAndLogDeterminant,
  singularValues,
  softmaxWithSink,
  solve,
  solveLower,
  solveUpper,
  symmetricEigenvectors,
  variance,
  whileLoop,
} from "../ops/index.ts";
import { concat, constant, iota, softmaxCrossEntropy, type Tensor, where } from "../tensor/index.ts";
import type { GradCase } from "./grad-case.ts";

/** Diagonally dominant: far from singular. */
const dominant = (a: Tensor): Tensor => a.add(constant([4, 0, 0, 0, 4, 0, 0, 0, 4], [3, 3]));

/** What reads one triangle has the gradient of a symmetric matrix. */
const mirrored = (a: Tensor): Tensor => a.add(a.swap(-1, -2));

const heads = (time: number) => [1, 2, time, 3];
const columns = (rows: number, time: number) => [2, rows, 1, time];

const matrices: readonly GradCase[] = [
  {
    name: "solve",
    inputs: [
      [2, 3, 3],
      [3, 2],
    ],
    build: ([a, b]) => solve(dominant(a!), b!),
  },
  {
    name: "solve from the right",
    inputs: [
      [3, 3],
      [2, 3],
    ],
    build: ([a, b]) => solve(dominant(a!), b!, { left: false }),
  },
  ...([solveLower, solveUpper] as const).map((solveTriangle) => ({
    name: solveTriangle === solveLower ? "lower triangular solve" : "upper triangular solve",
    inputs: [
      [2, 3, 3],
      [2, 3, 2],
    ],
    build: ([a, b]: readonly Tensor[]) => solveTriangle(dominant(a!), b!),
  })),
  { name: "inverse that needs pivots", inputs: [[3, 3]], build: ([a]) => inverse(dominant(a!).flip(0)) },
  { name: "determinant", inputs: [[2, 3, 3]], build: ([a]) => determinant(dominant(a!)).mul(0.02) },
  { name: "log determinant", inputs: [[2, 3, 3]], build: ([a]) => signAndLogDeterminant(dominant(a!)).logSize },
  { name: "cholesky", inputs: [[2, 3, 3]], build: ([a]) => cholesky(mirrored(dominant(a!.mul(0.5)))) },
  { name: "QR", inputs: [[2, 4, 3]], range: [0.1, 1], build: ([a]) => concat(-2, Object.values(qr(spread(a!)))) },
  {
    name: "least squares",
    inputs: [
      [4, 3],
      [4, 2],
    ],
    range: [0.1, 1],
    build: ([a, b]) => leastSquares(spread(a!), b!),
  },
  {
    name: "pseudo-inverse",
    inputs: [[3, 4]],
    range: [0.1, 1],
    build: ([a]) => pseudoInverse(spread(a!.swap(0, 1)).swap(0, 1)),
  },
  { name: "eigenvalues", inputs: [[3, 3]], build: ([a]) => symmetricEigenvectors(mirrored(apart(a!))).values },
  {
    name: "eigenvectors",
    inputs: [[2, 3, 3]],
    build: ([a]) => symmetricEigenvectors(mirrored(apart(a!))).vectors.square(),
  },
  { name: "singular values", inputs: [[4, 3]], range: [0.1, 1], build: ([a]) => singularValues(spread(a!)) },
  { name: "matrix exponential", inputs: [[2, 3, 3]], range: [-1, 1], build: ([a]) => matrixExponential(a!) },
];

/** [..., 4, 3] of full rank. */
const spread = (a: Tensor): Tensor => a.add(constant([2, 0, 0, 0, -3, 0, 0, 0, 4, 1, 1, 1], [4, 3]));
/** Eigenvalues far from each other. */
const apart = (a: Tensor): Tensor => a.mul(0.3).add(constant([1, 0, 0, 0, 5, 0, 0, 0, 9], [3, 3]));

const windows = [
  { size: 3, stride: 2, padding: 1 },
  { size: 2, stride: 1 },
] as const;

const planes: readonly GradCase[] = [
  { name: "roll", inputs: [[2, 5]], build: ([a]) => roll(a!, 1, -2) },
  { name: "mean of windows", inputs: [[1, 2, 5, 4]], build: ([a]) => averagePool(a!, windows) },
  { name: "greatest of windows", inputs: [[1, 2, 5, 4]], build: ([a]) => maxPool(a!, windows).values },
  ...(["nearest", "linear", "cubic"] as const).map((mode) => ({
    name: `resize, ${mode}`,
    inputs: [[2, 5]],
    build: ([a]: readonly Tensor[]) => resize(a!, 1, { length: 8, mode }),
  })),
  {
    name: "contraction of three",
    inputs: [
      [2, 3, 4],
      [4, 2],
      [3, 2],
    ],
    build: ([a, b, c]) => einsum("bij,jk,ib->bk", a!, b!, c!),
  },
  {
    name: "convolution by Fourier transforms",
    inputs: [
      [2, 1, 5],
      [2, 4],
    ],
    build: ([x, k]) => longConv(x!, k!, false),
  },
];

const running: readonly GradCase[] = [
  { name: "running product", inputs: [[2, 5]], build: ([a]) => cumulativeProduct(a!, 1) },
  {
    name: "running product with zeros",
    inputs: [[2, 5]],
    build: ([a]) => cumulativeProduct(a!.mul(constant([1, 1, 0, 1, 1, 1, 0, 1, 0, 1], [2, 5])), 1),
  },
  { name: "log-sum-exp", inputs: [[3, 4]], build: ([a]) => logSumExp(a!, { axes: 1 }) },
  { name: "running log-sum-exp", inputs: [[5, 2]], build: ([a]) => logCumulativeSumExp(a!, 0) },
  { name: "variance", inputs: [[2, 4]], build: ([a]) => variance(a!, { axes: 1 }) },
  { name: "group norm", inputs: [[2, 4, 3]], build: ([a]) => groupNorm(a!, 2) },
  { name: "log gamma", inputs: [[6]], range: [-0.9, -0.1], build: ([a]) => logGamma(concat(0, [a!, a!.mul(-10)])) },
  { name: "digamma", inputs: [[6]], range: [-0.9, -0.1], build: ([a]) => digamma(concat(0, [a!, a!.mul(-10)])) },
  { name: "inverse erf", inputs: [[6]], range: [-0.9, 0.9], build: ([a]) => inverseErf(a!) },
  {
    name: "binary cross entropy",
    inputs: [[2, 3], [3]],
    range: [0.1, 0.9],
    build: ([p, t]) => binaryCrossEntropy(p!, t!),
  },
  {
    name: "losses of two rows at a time",
    inputs: [
      [3, 4],
      [5, 4],
    ],
    build: ([x, w]) => {
      const targets = constant([4, 0, 2], [3], "i32");
      return rowLosses(x!.matmul(w!, { transB: true }).div(3).tanh().mul(3), targets, softmaxCrossEntropy, 2);
    },
  },
  {
    name: "real Fourier transform in two steps and back",
    inputs: [[1, 264]],
    build: ([x]) => {
      const { re, im } = rfft(x!, { norm: "ortho" });
      return irfft({ re: re.square().sub(im.square()), im: re.mul(im).mul(2) }, { norm: "ortho" });
    },
  },
  {
    name: "real Fourier transform and back",
    inputs: [[2, 6]],
    build: ([x]) => {
      const { re, im } = rfft(x!);
      return irfft({ re: re.square().sub(im.square()), im: re.mul(im).mul(2) });
    },
  },
];

const courses: readonly GradCase[] = [
  {
    name: "cond whose other branch has no value",
    inputs: [[3]],
    range: [0.2, 2],
    build: ([a]) =>
      cond(a!.sum().less(0), { operands: [a!], whenTrue: ([x]) => x!.neg().log(), whenFalse: ([x]) => x!.log() }),
  },
  {
    name: "while",
    inputs: [[3], [3]],
    range: [0.2, 0.4],
    build: ([a, b]) =>
      whileLoop({
        init: [a!],
        condition: ([s]) => s!.max().less(2),
        step: ([s]) => [s!.add(b!.mul(s!)).add(0.1)],
        limit: 30,
      }).states[0]!,
  },
];

const sequences: readonly GradCase[] = [
  {
    name: "attention, causal, shared keys",
    inputs: [heads(4), [1, 1, 4, 3], [1, 1, 4, 3]],
    build: ([q, k, v]) => scaledDotProduct({ q: q!, k: k!, v: v! }, { mask: causalMask(4, 4) }),
  },
  {
    name: "attention with soft cap, slopes of ALiBi and a sink",
    inputs: [heads(4), heads(4), heads(4), [2]],
    build: ([q, k, v, sink]) => {
      const scores = q!.matmul(k!, { transB: true }).div(5).tanh().mul(5);
      const distances = iota(4).sub(iota(4).unsqueeze(1)).cast("f32");
      const sloped = scores.add(distances.mul(constant([0.5, 0.25], [2, 1, 1])));
      return softmaxWithSink(where(causalMask(4, 4), sloped, -1e30), sink!).matmul(v!);
    },
  },
  {
    name: "attention by blocks",
    inputs: [heads(5), heads(5), heads(5)],
    build: ([q, k, v]) =>
      blockwiseAttention({ q_BHTK: q!, k_BGTK: k!, v_BGTV: v!, scale: 0.5, causal: true, block: 2 }).y_BHTV,
  },
  {
    name: "decay scan",
    inputs: [columns(3, 5), columns(3, 5), columns(2, 5), [2, 1, 5], [1, 2, 2, 3]],
    build: ([q, k, v, a, s]) =>
      both(
        decayScan({
          q_GKBT: q!,
          k_GKBT: k!,
          v_HVBT: v!,
          logDecay_HBT: a!.softplus().neg(),
          S_BHVK: s!,
          chunk: 2,
        }),
      ),
  },
  {
    name: "decay scan per key",
    inputs: [columns(3, 5), columns(3, 5), columns(2, 5), columns(3, 5)],
    build: ([q, k, v, a]) =>
      both(keyedDecayScan({ q_HKBT: q!, k_HKBT: k!, v_HVBT: v!, logDecay_HKBT: a!.softplus().neg(), chunk: 2 })),
  },
  {
    name: "gated delta rule",
    inputs: [columns(3, 12), columns(3, 12), columns(2, 12), [2, 1, 12], [2, 1, 12]],
    range: [-0.7, 0.7],
    build: ([q, k, v, beta, a]) =>
      both(
        deltaRule({
          q_GKBT: q!,
          k_GKBT: k!,
          v_HVBT: v!,
          beta_HBT: beta!.sigmoid(),
          logDecay_HBT: a!.softplus().neg(),
          chunk: 2,
        }),
      ),
  },
  {
    name: "causal convolution with state",
    inputs: [
      [2, 1, 6],
      [2, 3],
      [1, 2, 2],
    ],
    build: ([x, w, s]) => causalConv({ x_CBT: x!, kernel_CK: w!, state_BCP: s! }).y_CBT,
  },
];

const both = ({ o_HVBT, S_BHVK }: { o_HVBT: Tensor; S_BHVK: Tensor }): Tensor =>
  concat(0, [o_HVBT.reshape([-1]), S_BHVK.reshape([-1])]);

/** Maths composed of the vocabulary, with formulas of its own for gradients, scans and products inside. */
export const compositionCases: readonly GradCase[] = [...matrices, ...planes, ...running, ...courses, ...sequences];
