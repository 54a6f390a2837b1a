import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "./protocol.ts";

export interface Parts {
  /** Where finished parts lie. */
  folder: string;
  /** Everything that decides what the parts give, the code too: other keys have parts of their own. */
  key: Json;
}

/** A part of a long protocol: done once; a protocol that was interrupted and is run again takes what was done. */
export async function onceDone<T extends Json>(
  { folder, key }: Parts,
  { name, work }: { name: string; work: () => Promise<T> },
): Promise<T> {
  const hash = createHash("sha256").update(JSON.stringify(key)).digest("hex").slice(0, 16);
  const file = join(folder, `${name}-${hash}.json`);
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as T;
  const result = await work();
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify(result));
  renameSync(`${file}.new`, file);
  return result;
}
