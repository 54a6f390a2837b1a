export { depthFirst, storedActivations } from "./activations.ts";
export { hvp, jacobian, jvp } from "./derivatives.ts";
export { gated, gateOf } from "./gates.ts";
export { lookUpLate } from "./late-lookups.ts";
export {
  planRematerialisation,
  type Rematerialisation,
  type RematerialisationPlan,
  rematerialisations,
} from "./rematerialise.ts";
export { gradRules } from "./rules.ts";
export { vectorise } from "./vectorise.ts";
export { grad, vjp } from "./vjp.ts";
