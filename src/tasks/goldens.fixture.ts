import type { GoldenCase } from "../testing/goldens/index.ts";

/** What the authors' losses ignore. */
export const ignored = -100;

/** A stored [example, place] tensor, example by example. */
export function rowsOf(c: GoldenCase, name: string): number[][] {
  const [examples, length] = c.stored[name]!.shape as [number, number];
  const all = [...c.values(name)];
  return Array.from({ length: examples }, (_, row) => all.slice(row * length, (row + 1) * length));
}

/** A stored text, line by line. */
export function linesOf(c: GoldenCase, name: string): string[] {
  return new TextDecoder()
    .decode(Uint8Array.from(c.values(name)))
    .trimEnd()
    .split("\n");
}
