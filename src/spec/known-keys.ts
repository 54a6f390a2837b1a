import type { z } from "zod";

/** The parts of a zod schema's definition that lead to its members. */
interface Definition {
  innerType?: z.ZodType;
  element?: z.ZodType;
  valueType?: z.ZodType;
  options?: readonly z.ZodType[];
  shape?: Readonly<Record<string, z.ZodType>>;
}

const definitionOf = (schema: z.ZodType): Definition => schema.def as Definition;

/** Keys that the schema's object at `path` of `value` knows: candidates for "did you mean". */
export function knownKeys(schema: z.ZodType, path: readonly PropertyKey[], value: unknown): string[] {
  return objectsAt(schema, path, value).flatMap((object) => Object.keys(definitionOf(object).shape ?? {}));
}

function objectsAt(schema: z.ZodType, path: readonly PropertyKey[], value: unknown): z.ZodType[] {
  const { innerType, options, shape, element, valueType } = definitionOf(schema);
  if (innerType) return objectsAt(innerType, path, value);
  if (options) return matching(options, value).flatMap((option) => objectsAt(option, path, value));
  const [key, ...rest] = path;
  if (key === undefined) return shape ? [schema] : [];
  const member = shape ? shape[String(key)] : (element ?? valueType);
  return member ? objectsAt(member, rest, (value as Record<PropertyKey, unknown> | null)?.[key]) : [];
}

/** Options of the value's kind where it names one. */
function matching(options: readonly z.ZodType[], value: unknown): readonly z.ZodType[] {
  const kind = (value as { kind?: unknown } | null)?.kind;
  const same = options.filter((option) =>
    (definitionOf(definitionOf(option).shape?.["kind"] ?? option) as { values?: unknown[] }).values?.includes(kind),
  );
  return same.length > 0 ? same : options;
}
