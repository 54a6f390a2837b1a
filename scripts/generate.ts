/** `npm run generate`: writes every generated file anew and says which changed. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { generators, staleness } from "./generate/generators.ts";
import { root } from "./source/files.ts";

let registries = false;
for (const generator of await generators()) {
  const changed = (await staleness(generator)) !== undefined;
  if (changed) {
    const file = join(root, generator.path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, await generator.render());
    registries ||= generator.path.startsWith("src/blocks/generated/");
  }
  console.log(`${changed ? "written  " : "unchanged"}  ${generator.path}`);
}
// This process holds the registries as they were; what is rendered from them needs them as they are.
if (registries) process.exitCode = spawnSync(process.execPath, process.argv.slice(1), { stdio: "inherit" }).status ?? 1;
