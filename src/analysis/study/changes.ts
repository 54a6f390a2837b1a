/** Changes of plain data by path. */
import { fail } from "../../tensor/index.ts";

type Node = unknown;

/** A copy in which what stands at each path is replaced; `*` is every element of a list. Throws E_STUDY_PATH. */
export function changed(root: Readonly<Record<string, unknown>>, changes: Readonly<Record<string, unknown>>) {
  return Object.entries(changes).reduce(
    (data, [path, value]) => put(data, path.split("."), { value, path }) as Record<string, unknown>,
    { ...root } as Record<string, unknown>,
  );
}

interface Change {
  value: unknown;
  path: string;
}

function put(node: Node, [key, ...rest]: readonly string[], change: Change): Node {
  if (key === undefined) return change.value;
  if (Array.isArray(node)) {
    const index = Number(key);
    if (key !== "*" && !(index < node.length)) failPath(change.path, key, `a list of ${node.length}`);
    return node.map((item: Node, i) => (key === "*" || i === index ? put(item, rest, change) : item));
  }
  if (typeof node !== "object" && node !== undefined) return failPath(change.path, key, JSON.stringify(node));
  const fields = (node ?? {}) as Record<string, unknown>;
  return { ...fields, [key]: put(fields[key], rest, change) };
}

function failPath(path: string, key: string, got: string): never {
  return fail({ code: "E_STUDY_PATH", where: path, expected: `a place that has "${key}"`, got });
}
