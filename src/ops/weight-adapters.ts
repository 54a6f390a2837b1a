/**
 * Trained changes of a map W [inputs, outputs] that stays as it is. Each is given as what it does to x W (`apply`), and as
 * the one matrix that does the same (`merge`).
 * Axes: I inputs, O outputs, R rank, N frequencies, G blocks of M inputs.
 */
import { concat, constant, type Tensor, zeros } from "../tensor/index.ts";
import { kronecker } from "./linalg.ts";

export interface WeightAdapter {
  /** x [..., I] · the changed W. */
  apply(x: Tensor, w: Tensor): Tensor;
  merge(w: Tensor): Tensor;
  /** What becomes of the map's bias; absent: nothing. */
  offset?(bias: Tensor): Tensor;
}

/** W + ΔW, with ΔW [I, O] at hand. */
const added = (delta: Tensor): WeightAdapter => ({
  apply: (x, w) => x.matmul(w).add(x.matmul(delta)),
  merge: (w) => w.add(delta),
});

/** LoRA: W + s·A B with A [I, R], B [R, O]; s = α/R (Hu et al. 2022, section 4.1), or α/√R (rsLoRA). */
export const lowRank = ({ down, up, scale }: { down: Tensor; up: Tensor; scale: number }): WeightAdapter => ({
  apply: (x, w) => x.matmul(w).add(x.matmul(down).matmul(up, { alpha: scale })),
  merge: (w) => w.add(down.matmul(up, { alpha: scale })),
});

/** DoRA: each column of the changed W brought to the length m_o; no gradient through its own length (Liu et al. 2024, eq. 5). */
export function magnitudeAndDirection(change: WeightAdapter, magnitude_O: Tensor): WeightAdapter {
  const factor_O = (w: Tensor) => magnitude_O.div(change.merge(w).square().sum(0).sqrt().stopGradient());
  return {
    apply: (x, w) => change.apply(x, w).mul(factor_O(w)),
    merge: (w) => change.merge(w).mul(factor_O(w)),
  };
}

/** VeRA: fixed random A and B, of which only factors of the rank and of the outputs are learned (Kopiczko et al. 2024). */
export const randomProjection = ({
  down,
  up,
  rank,
  output,
}: Record<"down" | "up" | "rank" | "output", Tensor>): WeightAdapter => ({
  apply: (x, w) => x.matmul(w).add(x.matmul(down).mul(rank).matmul(up).mul(output)),
  merge: (w) => w.add(down.mul(rank).matmul(up).mul(output)),
});

/** IA³: factors of the outputs, the bias too (Liu et al. 2022); `inputs`: of the inputs, for the second map of a feed-forward net. */
export const factors = (scale: Tensor, side: "inputs" | "outputs"): WeightAdapter =>
  side === "outputs"
    ? { apply: (x, w) => x.matmul(w).mul(scale), merge: (w) => w.mul(scale), offset: (bias) => bias.mul(scale) }
    : { apply: (x, w) => x.mul(scale).matmul(w), merge: (w) => w.mul(scale.unsqueeze(1)) };

/** LoHa: s times the elementwise product of two low-rank matrices (Hyeon-Woo et al. 2022, prop. 2). */
export const hadamard = (
  first: { down: Tensor; up: Tensor },
  second: { down: Tensor; up: Tensor },
  scale: number,
): WeightAdapter => added(first.down.matmul(first.up).mul(second.down.matmul(second.up)).mul(scale));

/** LoKr: s times the Kronecker product of two small matrices. */
export const kroneckerProduct = (a: Tensor, b: Tensor, scale: number): WeightAdapter =>
  added(kronecker(a, b).mul(scale));

/** HRA: inputs pass through reflections at the columns u of [I, R], the last one first (Yuan et al. 2024). */
export function reflections(u_IR: Tensor): WeightAdapter {
  const units = Array.from({ length: u_IR.dim(1) }, (_, r) => {
    const u = u_IR.slice(1, r, r + 1);
    return u.div(u.square().sum().sqrt());
  });
  return {
    apply: (x, w) => units.reduceRight((t, u) => t.sub(t.matmul(u).matmul(u, { transB: true, alpha: 2 })), x).matmul(w),
    merge: (w) => units.reduce((t, u) => t.sub(u.matmul(u.matmul(t, { transA: true }), { alpha: 2 })), w),
  };
}

/** OFT: blocks of inputs are turned by the Cayley transform (I + S)⁻¹(I − S) of skew S [G, M, M] (Qiu et al. 2023). */
export function rotations(skew_GMM: Tensor): WeightAdapter {
  const [G, M] = [skew_GMM.dim(0), skew_GMM.dim(1)];
  const unit = identity(M);
  const turn_GMM = inverse(skew_GMM.add(unit)).matmul(unit.sub(skew_GMM));
  return {
    apply(x, w) {
      const blocks = x.reshape([-1, G, 1, M]).matmul(turn_GMM);
      return blocks.reshape(x.shape).matmul(w);
    },
    merge: (w) => turn_GMM.matmul(w.reshape([G, M, w.dim(1)])).reshape(w.shape),
  };
}

/** A skew matrix [G, M, M] from the upper triangles of its blocks, row by row [G, M(M − 1)/2]. */
export function skewOf(upper_GT: Tensor, size: number): Tensor {
  let start = 0;
  const rows = Array.from({ length: size }, (_, i) => {
    const length = size - 1 - i;
    const row = upper_GT.slice(1, start, start + length).pad(1, i + 1, 0);
    start += length;
    return length > 0 ? row : zeros([upper_GT.dim(0), size]);
  });
  const upper_GMM = concat(
    1,
    rows.map((row) => row.unsqueeze(1)),
  );
  return upper_GMM.sub(upper_GMM.swap(1, 2));
}

/** FourierFT: s times the real inverse transform of a spectrum that is learned at N fixed places (Gao et al. 2024, eq. 4). */
export function sparseSpectrum(
  spectrum_N: Tensor,
  { inputs, outputs, places, scale }: { inputs: number; outputs: number; places: FrequencyPlaces; scale: number },
): WeightAdapter {
  const waves = (length: number, frequencies: ArrayLike<number>, f: (angle: number) => number) =>
    constant(
      Array.from({ length: length * frequencies.length }, (_, i) => {
        const [position, n] = [Math.floor(i / frequencies.length), i % frequencies.length];
        return f((2 * Math.PI * position * frequencies[n]!) / length);
      }),
      [length, frequencies.length],
    );
  const part = (f: (angle: number) => number) =>
    waves(inputs, places.inputs, f)
      .mul(spectrum_N)
      .matmul(waves(outputs, places.outputs, f), { transB: true });
  return added(
    part(Math.cos)
      .sub(part(Math.sin))
      .mul(scale / (inputs * outputs)),
  );
}

export interface FrequencyPlaces {
  inputs: ArrayLike<number>;
  outputs: ArrayLike<number>;
}

const identity = (size: number): Tensor =>
  constant(
    Array.from({ length: size * size }, (_, i) => Number(i % (size + 1) === 0)),
    [size, size],
  );

/** Inverse of [G, M, M] by Gauss and Jordan without pivots: right for I + S, whose symmetric part is the unit matrix. */
function inverse(a_GMM: Tensor): Tensor {
  const M = a_GMM.dim(1);
  const unit = identity(M);
  let table = concat(2, [a_GMM, unit.expand(a_GMM.shape)]);
  for (let k = 0; k < M; k++) {
    const pivot = table.slice(1, k, k + 1).div(table.slice(1, k, k + 1).slice(2, k, k + 1));
    const others = table.slice(2, k, k + 1).sub(unit.slice(1, k, k + 1));
    table = table.sub(others.matmul(pivot));
  }
  return table.slice(2, M);
}
