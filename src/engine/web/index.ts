/** The engine of web pages: imports nothing of Node. */
export type * from "../engine.ts";
export type { Provider, WebEngineOptions } from "./runtime.ts";
export { createWebEngine } from "./web-engine.ts";
