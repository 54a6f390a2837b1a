export { gradRules } from "./rules.ts";
export { grad, vjp } from "./vjp.ts";
