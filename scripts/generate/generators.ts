import { existsSync } from "node:fs";
import { join } from "node:path";
import { findFiles, readText, root } from "../source/files.ts";

/** One generated file: a module of `scripts/generate/renderers/` that exports `generator`. */
export interface Generator {
  /** The file it writes, relative to the checkout, in a `generated/` folder. */
  path: string;
  /** The whole text of the file, the same for the same sources. */
  render(): string | Promise<string>;
}

interface GeneratorModule {
  generator?: Generator | readonly Generator[] | undefined;
}

/** Every generator, in the order of their file names; a module may export none while its source is absent. */
export async function generators(): Promise<Generator[]> {
  const folder = join(import.meta.dirname, "renderers");
  const files = findFiles(folder, ["*.ts"]).filter((file) => !file.endsWith(".test.ts"));
  const modules = await Promise.all(files.map((file) => import(join(folder, file)) as Promise<GeneratorModule>));
  return modules.flatMap(({ generator }) => generator ?? []);
}

/** A sentence where the file does not hold what its generator renders. */
export async function staleness({ path, render }: Generator): Promise<string | undefined> {
  const text = await render();
  if (existsSync(join(root, path)) && readText(root, path) === text) return undefined;
  return `${path} is not what its sources give; run "npm run generate"`;
}
