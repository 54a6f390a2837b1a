import type { Family } from "./erased.ts";
import { families } from "./families.ts";
import type { Pattern } from "./patterns.ts";

/** The components made of a pattern, by family and kind. */
export function componentsOf(pattern: Pattern): { family: Family; kind: string }[] {
  return (Object.keys(families) as Family[]).flatMap((family) =>
    Object.values<{ kind: string; patterns?: readonly Pattern[] }>(families[family]).flatMap(
      ({ kind, patterns = [] }) => (patterns.includes(pattern) ? [{ family, kind }] : []),
    ),
  );
}
