import type { SpecInput } from "./input.ts";
import { specError } from "./messages.ts";
import { type ParsedSpec, specSchema } from "./schema.ts";

/** Unknown data to a spec whose every key and value is known to be legal in itself. Throws with the path of the first fault. */
export function parseSpec(value: SpecInput | unknown, source = "spec"): ParsedSpec {
  const result = specSchema.safeParse(value);
  if (!result.success) throw specError(result.error.issues, { source, value, schema: specSchema });
  return result.data;
}
