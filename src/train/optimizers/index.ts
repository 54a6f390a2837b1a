export { createOptimizer, type Optimizer } from "./create.ts";
export { type AnyOptimizer, defineOptimizer, type OptimizerDefinition } from "./define.ts";
export {
  type OptimizerConfig,
  type OptimizerInput,
  type OptimizerKind,
  optimizerSchema,
  optimizers,
} from "./registry.ts";
