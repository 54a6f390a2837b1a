export { adamScalars, adamw } from "./adamw-rule.ts";
export { createOptimizer, type Optimizer } from "./create.ts";
export { clipGradients } from "./gradient.ts";
export { Lbfgs, type LbfgsInput } from "./lbfgs.ts";
export {
  type OptimizerConfig,
  type OptimizerInput,
  optimizerSchema,
  optimizers,
} from "./registry.ts";
