import { existsSync, globSync } from "node:fs";
import { basename, resolve, sep } from "node:path";

/** A case's place: `<kind>/<component>/<case>.safetensors`. */
export interface CasePlace {
  kind: string;
  component: string;
  name: string;
  path: string;
}

const root = resolve(import.meta.dirname, "../../..");

/** Folder of the golden cases: `SEQLAB_GOLDENS`, else `../shared/goldens` beside the checkout. */
export function goldensFolder(): string {
  return resolve(root, process.env.SEQLAB_GOLDENS ?? "../shared/goldens");
}

/** Why there is nothing to compare with, or undefined where there is. */
export function goldensMissing(): string | undefined {
  const folder = goldensFolder();
  return existsSync(folder) ? undefined : `no golden cases at ${folder} (set SEQLAB_GOLDENS)`;
}

/** Every case, sorted; weight files of model folders (`model*.safetensors`) are no cases. */
export function discoverCases(folder = goldensFolder()): CasePlace[] {
  return globSync("*/*/*.safetensors", { cwd: folder })
    .filter((path) => !basename(path).startsWith("model"))
    .sort()
    .map((path) => {
      const [kind, component, file] = path.split(sep);
      return { kind: kind!, component: component!, name: basename(file!, ".safetensors"), path: resolve(folder, path) };
    });
}
