import type { ParameterDeclaration } from "../blocks/index.ts";
import { fail } from "../tensor/index.ts";
import type { Source } from "./part.ts";

/** Path of a parameter → path of the one that holds its values. */
export type Owners = ReadonlyMap<string, string>;

/**
 * Which parameters are one. A tie is a pattern of paths: parameters that differ only in what a `*` (one name or index) or
 * `{a,b}` (one of these) stands for share the values of the first of them; `**` stands for the rest of a path, which stays
 * apart. `layers.*.mixer.positions.**`: one relative bias for all layers (T5). Throws E_SPEC_TIES where a pattern joins
 * nothing, or shapes differ.
 */
export function ownersOf(parameters: ReadonlyMap<string, ParameterDeclaration>, ties: readonly string[]): Owners {
  const owners = new Map([...parameters.keys()].map((path) => [path, path]));
  ties.forEach((tie, index) => {
    const groups = groupsOf(parameters.keys(), tie);
    const joined = groups.filter((paths) => paths.length > 1);
    if (joined.length === 0) failTie(tie, { index, parameters, matched: groups.flat() });
    for (const paths of joined) join(owners, paths, { parameters, where: `ties[${index}]` });
  });
  return owners;
}

/** Paths that match, those together that differ only in what is joined. */
function groupsOf(paths: Iterable<string>, tie: string): string[][] {
  const pattern = new RegExp(`^${patternOf(tie)}$`, "u");
  const groups = new Map<string, string[]>();
  for (const path of paths) {
    const match = pattern.exec(path);
    if (match === null) continue;
    const key = match.slice(1).join("|");
    groups.set(key, [...(groups.get(key) ?? []), path]);
  }
  return [...groups.values()];
}

const special = /\*\*|\*|\{[^{}]*\}|[^*{}]+|[{}]/gu;
const literal = (text: string): string => text.replaceAll(/[\\^$.|?+()[\]{}]/gu, "\\$&");

function patternOf(tie: string): string {
  return (tie.match(special) ?? [])
    .map((piece) => {
      if (piece === "**") return "(.+)";
      if (piece === "*") return "[^.]+";
      if (piece.startsWith("{")) return `(?:${piece.slice(1, -1).split(",").map(literal).join("|")})`;
      return literal(piece);
    })
    .join("");
}

/** The owner of the first becomes that of all. */
function join(
  owners: Map<string, string>,
  paths: readonly string[],
  { parameters, where }: { parameters: ReadonlyMap<string, ParameterDeclaration>; where: string },
): void {
  const owner = owners.get(paths[0]!)!;
  const shapeOf = (path: string) => parameters.get(path)!.shape.join(" × ");
  for (const path of paths) {
    if (shapeOf(path) !== shapeOf(owner))
      fail({
        code: "E_SPEC_TIES",
        where,
        expected: `${path} of shape ${shapeOf(owner)}, as ${owner}`,
        got: shapeOf(path),
      });
    const before = owners.get(path)!;
    for (const [other, held] of owners) if (held === before) owners.set(other, owner);
  }
}

function failTie(
  tie: string,
  { index, parameters, matched }: { index: number; parameters: ReadonlyMap<string, unknown>; matched: string[] },
): never {
  const some = [...parameters.keys()].slice(0, 6).join(", ");
  return fail({
    code: "E_SPEC_TIES",
    where: `ties[${index}]`,
    expected: "a pattern that joins at least two parameters",
    got: `${JSON.stringify(tie.slice(0, 60))}, which ${matched.length === 0 ? "matches none" : "keeps those that it matches apart"}`,
    hint: `Paths are such as ${some}; "layers.*.channel.**" makes all layers share their channel mixers.`,
  });
}

/** Reads every parameter from its owner. */
export const tiedSource = (source: Source, owners: Owners): Source => ({
  weight: (path, declaration) => source.weight(owners.get(path) ?? path, declaration),
  buffer: (path, shape) => source.buffer(path, shape),
});
