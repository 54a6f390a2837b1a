import { join } from "node:path";
import { root } from "../../source/files.ts";
import { type Component, findComponents } from "../components.ts";
import type { Generator } from "../generators.ts";

const blocks = "src/blocks";
const folders = ["mixers", "channels", "norms", "positions", "residuals", "routers", "embeddings", "heads"] as const;

/** The registry of components: one record a folder, kind → component. */
export const generator: Generator = {
  path: `${blocks}/generated/registry.ts`,
  render: () =>
    renderRegistry(folders.map((folder) => ({ folder, components: findComponents(join(root, blocks, folder)) }))),
};

interface Group {
  folder: string;
  components: readonly Component[];
}

/** Names that two folders use are imported under the folder's name too. */
export function renderRegistry(groups: readonly Group[]): string {
  const uses = Map.groupBy(
    groups.flatMap(({ components }) => components),
    ({ name }) => name,
  );
  const taken = new Set(groups.map(({ folder }) => folder));
  const local = (folder: string, name: string): string =>
    taken.has(name) || (uses.get(name)?.length ?? 0) > 1 ? `${folder}_${name}` : name;
  const imports = groups.flatMap(({ folder, components }) =>
    components.map(({ name, kind }) => {
      const alias = local(folder, name);
      return `import { ${alias === name ? name : `${name} as ${alias}`} } from "../${folder}/${kind}.ts";`;
    }),
  );
  const records = groups.map(({ folder, components }) => {
    const entries = components.map(({ name, kind }) => `  ${entry(kind, local(folder, name))},\n`);
    return `export const ${folder} = {\n${entries.join("")}} as const;\n`;
  });
  return `// Written by \`npm run generate\` from the components' declarations.\n${imports.join("\n")}\n\n${records.join("\n")}`;
}

function entry(kind: string, local: string): string {
  if (kind === local) return kind;
  return `${/^[A-Za-z_$][\w$]*$/.test(kind) ? kind : `"${kind}"`}: ${local}`;
}
