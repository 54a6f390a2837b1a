import type { Tensor } from "../tensor/index.ts";

/*
 * The scans and the short convolution work on columns: features first, then batch, then time ([…features, B, T]), so that
 * projections write them and read them by the flags of a product, a channel's times are contiguous, and the one copy that
 * chunking needs moves whole runs of time. Axes: B batch, T time, D model, C channels, c chunks, L times of a chunk.
 */

/** x [B, T, D] · W [D, C] as columns [C, B, T]. */
export function toColumns(x_BTD: Tensor, w_DC: Tensor): Tensor {
  const columns = w_DC.matmul(x_BTD.reshape([-1, x_BTD.dim(-1)]), { transA: true, transB: true });
  return columns.reshape([w_DC.dim(1), x_BTD.dim(0), x_BTD.dim(1)]);
}

/** Columns [C, B, T] · W [C, D] as rows [B, T, D]; leading feature axes are merged. */
export function fromColumns(y_CBT: Tensor, w_CD: Tensor): Tensor {
  const [batch, time] = [y_CBT.dim(-2), y_CBT.dim(-1)];
  return y_CBT
    .reshape([w_CD.dim(0), -1])
    .matmul(w_CD, { transA: true })
    .reshape([batch, time, w_CD.dim(1)]);
}

/** Columns […features, B, T] in chunks [c, B, …features, L]; times are filled up with zeros. */
export function splitChunks(x: Tensor, length: number): Tensor {
  const features = x.shape.slice(0, -2);
  const chunks = Math.ceil(x.dim(-1) / length);
  const padded = x.pad(-1, 0, chunks * length - x.dim(-1)).reshape([...features, x.dim(-2), chunks, length]);
  const axis = features.length;
  return padded.transpose([axis + 1, axis, ...features.keys(), axis + 2]);
}

/** Inverse of {@link splitChunks}: the first `time` columns. */
export function joinChunks(x: Tensor, time: number): Tensor {
  const features = x.shape.slice(2, -1);
  const columns = x.transpose([...features.map((_, axis) => axis + 2), 1, 0, -1]);
  return columns.reshape([...features, x.dim(1), -1]).slice(-1, 0, time);
}

/** x / √(mean over `axis` of x² + ε). */
export function rmsScale(x: Tensor, axis: number, epsilon: number): Tensor {
  return x.mul(x.square().mean(axis, true).add(epsilon).sqrt().reciprocal());
}

/** x / √(sum over `axis` of x² + ε): unit length but for ε. */
export function unitScale(x: Tensor, axis: number, epsilon = 1e-6): Tensor {
  return x.mul(x.square().sum(axis, true).add(epsilon).sqrt().reciprocal());
}
