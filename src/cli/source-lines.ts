/** Lines of a file or of standard input, as they come. */
import { createInterface } from "node:readline";
import { linesOf } from "../data/index.ts";

export interface SourceLine {
  /** From 1. */
  line: number;
  text: string;
}

/** Lines by up to `most`, so that several can be worked on together. `-` is standard input. Throws what reading files throws. */
export async function* lineGroups(path: string, most: number): AsyncGenerator<SourceLine[], undefined> {
  const lines =
    path === "-" ? createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY }) : linesOf(path);
  let group: SourceLine[] = [];
  let line = 0;
  for await (const text of lines) {
    group.push({ line: ++line, text: text.toWellFormed().trim() });
    if (group.length < most) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}
