import { join } from "node:path";
import { readText, root } from "../../source/files.ts";
import { findComponents } from "../components.ts";
import type { Generator } from "../generators.ts";
import { renderRegistry } from "./registry.ts";

const folder = join(root, "src/blocks/mixers");
const name = "inner-mixers.ts";
/** What mixers with mixers inside import. */
const holder = "./inner-mixer.ts";

/** The mixers that a mixer may hold: all that hold none themselves, so that no module imports itself. */
export const generator: Generator = {
  path: `src/blocks/generated/${name}`,
  render: () => {
    const components = findComponents(folder);
    const holdsNone = ({ kind }: { kind: string }) => !readText(folder, `${kind}.ts`).includes(holder);
    return renderRegistry("mixers", components.filter(holdsNone));
  },
};
