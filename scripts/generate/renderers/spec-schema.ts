import { existsSync } from "node:fs";
import { join } from "node:path";
import { type ZodType, z } from "zod";
import { root } from "../../source/files.ts";
import type { Generator } from "../generators.ts";

const source = join(root, "src/spec/index.ts");
const { specSchema } = (existsSync(source) ? await import(source) : {}) as { specSchema?: ZodType };

/** JSON Schema of the spec as a person writes it (defaults may be left out), parts that stand in several places once; absent while `src/spec` has no `specSchema`. */
export const generator: Generator | undefined = specSchema && {
  path: "src/spec/generated/spec.schema.json",
  render: () =>
    `${JSON.stringify(z.toJSONSchema(specSchema, { io: "input", unrepresentable: "any", reused: "ref" }), null, 2)}\n`,
};
