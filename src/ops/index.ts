/** Maths composed of tensor ops. */
export * from "./activations.ts";
export * from "./attention.ts";
export * from "./cross-entropy.ts";
export * from "./ctc.ts";
export * from "./einsum.ts";
export * from "./elementary.ts";
export * from "./fourier.ts";
export * from "./indexing.ts";
export * from "./layout.ts";
export * from "./linalg.ts";
export * from "./losses.ts";
export * from "./normalization.ts";
export * from "./pooling.ts";
export * from "./reductions.ts";
export * from "./resampling.ts";
export * from "./random.ts";
export { createRng, type Rng, threefry } from "./rng.ts";
