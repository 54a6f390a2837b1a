export * from "./random.ts";
export { createRng, type Rng, threefry } from "./rng.ts";
