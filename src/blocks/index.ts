export * from "./define.ts";
export * from "./erased.ts";
export * from "./families.ts";
export * from "./pattern-list.ts";
export * from "./patterns.ts";
export * from "./weights/declare.ts";
export * from "./weights/use.ts";
