import { globSync } from "node:fs";
import { resolve, sep } from "node:path";
import { fail } from "../../tensor/index.ts";
import type { GoldenAdapter } from "./adapter.ts";

const source = resolve(import.meta.dirname, "../..");

/** Finds a component's adapter. */
export type AdapterLookup = (kind: string, component: string) => GoldenAdapter | undefined;

/** Imports every `*.goldens.ts` under `src/`. Throws E_GOLDEN where two adapt the same component. */
export async function loadAdapters(): Promise<AdapterLookup> {
  const found = new Map<string, GoldenAdapter>();
  for (const path of globSync("**/*.goldens.ts", { cwd: source }).sort()) {
    const module = (await import(/* @vite-ignore */ resolve(source, path).split(sep).join("/"))) as {
      adapters: readonly GoldenAdapter[];
    };
    for (const adapter of module.adapters) {
      const key = `${adapter.kind}/${adapter.component}`;
      if (found.has(key))
        fail({ code: "E_GOLDEN", where: path, expected: `one adapter of ${key}`, got: "a second one" });
      found.set(key, adapter);
    }
  }
  return (kind, component) => found.get(`${kind}/${component}`);
}
