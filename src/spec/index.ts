export { type BuiltModel, buildSpec } from "./build.ts";
export type { SpecInput } from "./input.ts";
export { loadSpec, type SpecShelf, shippedSpecs, specShelves } from "./load.ts";
export { nearest } from "./messages.ts";
export { canonicalSpec, normaliseSpec } from "./normalise.ts";
export { type ObjectiveDeclaration, type ObjectiveKind, objectives } from "./objectives.ts";
export { parseSpec } from "./parse.ts";
export { type ParsedSpec, slotKinds, specSchema } from "./schema.ts";
export { parseSpecText } from "./text.ts";
