/** Optimizer settings of every peer: PyTorch's defaults, and the global norm to which gradients are clipped. */
export const adamW = { learning: 1e-3, decay: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, clip: 1 };
