import { join } from "node:path";
import { root } from "../../source/files.ts";
import { type Component, componentFolders, findComponents } from "../components.ts";
import type { Generator } from "../generators.ts";

const blocks = "src/blocks";

/** The registries of components, a file a folder, so that one family's components may read another's. */
export const generator: readonly Generator[] = componentFolders.map((folder) => ({
  path: `${blocks}/generated/${folder}.ts`,
  render: () => renderRegistry(folder, findComponents(join(root, blocks, folder))),
}));

/** One record, kind → component; a component that bears its folder's name is imported under another. */
export function renderRegistry(folder: string, components: readonly Component[]): string {
  const local = (name: string): string => (name === folder ? `${name}Component` : name);
  const imports = components.map(({ name, kind }) => {
    const alias = local(name);
    return `import { ${alias === name ? name : `${name} as ${alias}`} } from "../${folder}/${kind}.ts";\n`;
  });
  const entries = components.map(({ name, kind }) => `  ${entry(kind, local(name))},\n`);
  const header = "// Written by `npm run generate` from the components' declarations.\n";
  return `${header}${imports.join("")}\nexport const ${folder} = {\n${entries.join("")}} as const;\n`;
}

function entry(kind: string, local: string): string {
  if (kind === local) return kind;
  return `${/^[A-Za-z_$][\w$]*$/.test(kind) ? kind : `"${kind}"`}: ${local}`;
}
