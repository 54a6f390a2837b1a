import type { Tensor } from "../../tensor/index.ts";

/** L2 norm of a whole tensor. */
export const norm = (x: Tensor): Tensor => x.square().sum().sqrt();

/** Root mean square of a whole tensor. */
export const rms = (x: Tensor): Tensor => x.square().mean().sqrt();
