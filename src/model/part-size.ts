/** The error of a part whose size is not whole: which of its settings decide that size, and what they could be. */
import { fail } from "../tensor/index.ts";

type Fields<T> = Record<string, T>;
type Dims = (c: Fields<unknown>) => Fields<unknown>;

interface SizedPart {
  /** Names the part in errors. */
  where: string;
  kind: string;
  c: Fields<unknown>;
  dims: Dims;
}

/** Throws E_SPEC_DIVIDES where a size is not a positive integer. Sizes that are no numbers are the component's own affair. */
export function assertSizes(part: SizedPart): Fields<unknown> {
  const d = part.dims(part.c);
  for (const [name, size] of Object.entries(d))
    if (typeof size === "number" && !isWhole(size)) failSize({ ...part, name, size });
  return d;
}

const isWhole = (size: number): boolean => Number.isInteger(size) && size > 0;

function failSize({ where, kind, name, size, c, dims }: SizedPart & { name: string; size: number }): never {
  const deciding = Object.entries(c).filter(
    (entry): entry is [string, number] =>
      typeof entry[1] === "number" && maybeSizes(dims, { ...c, [entry[0]]: 2 * entry[1] })?.[name] !== size,
  );
  const tries = deciding.flatMap(([key, value]) => {
    const near = Number.isInteger(value) ? wholeNear(value, (other) => maybeSizes(dims, { ...c, [key]: other })) : [];
    return near.length > 0 ? [`${key} ${near.join(" or ")}`] : [];
  });
  const hint = tries.length > 0 ? `Try ${tries.join(", or ")}, or another width.` : "Try another width.";
  fail({
    code: "E_SPEC_DIVIDES",
    where,
    expected: `sizes that come out whole (${name} of ${kind})`,
    got: `${name} = ${size} from ${deciding.map(([key, value]) => `${key} ${value}`).join(", ") || "the width"}`,
    hint,
  });
}

/** A component may refuse what it is tried with. */
function maybeSizes(dims: Dims, c: Fields<unknown>): Fields<unknown> | undefined {
  try {
    return dims(c);
  } catch {
    return undefined;
  }
}

/** The nearest smaller and larger values with which every size is whole. */
function wholeNear(value: number, sizes: (value: number) => Fields<unknown> | undefined): number[] {
  const fits = (other: number): boolean => {
    const d = sizes(other);
    return d !== undefined && Object.values(d).every((size) => typeof size !== "number" || isWhole(size));
  };
  const near = (candidates: readonly number[]) => candidates.filter(fits).slice(0, 1);
  const distances = Array.from({ length: 64 }, (_, i) => i + 1);
  return [
    ...near(distances.map((by) => value - by).filter((other) => other >= 1)),
    ...near(distances.map((by) => value + by)),
  ];
}
