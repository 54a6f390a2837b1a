/** `npm run generate`: writes every generated file anew and says which changed. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { generators, staleness } from "./generate/generators.ts";
import { root } from "./source/files.ts";

for (const generator of await generators()) {
  const changed = (await staleness(generator)) !== undefined;
  if (changed) {
    const file = join(root, generator.path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, await generator.render());
  }
  console.log(`${changed ? "written  " : "unchanged"}  ${generator.path}`);
}
