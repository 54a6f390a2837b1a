/** Results of cells on disk, one file each, written as a whole or not at all: an interrupted study goes on from them. */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Cell, CellResult } from "./cell.ts";
import { cellHash } from "./plan.ts";

export interface CellStore {
  find(cell: Cell): CellResult | undefined;
  keep(cell: Cell, result: CellResult): void;
}

/** Numbers that JSON lacks are null in files, NaN here. */
export const reviveNumbers = (_: string, value: unknown): unknown => (value === null ? Number.NaN : value);

/** The cells of one study in a folder. What a file is called in front of its hash is for people. */
export function openCells(folder: string): CellStore {
  mkdirSync(folder, { recursive: true });
  const files = new Map(readdirSync(folder).flatMap((file) => [[hashOf(file), file] as const]));
  return {
    find(cell) {
      const file = files.get(cellHash(cell));
      return file === undefined
        ? undefined
        : (JSON.parse(readFileSync(join(folder, file), "utf8"), reviveNumbers) as CellResult);
    },
    keep(cell, result) {
      const file = fileNameOf(cell);
      writeFileSync(join(folder, `${file}.new`), `${JSON.stringify(result)}\n`);
      renameSync(join(folder, `${file}.new`), join(folder, file));
      files.set(hashOf(file), file);
    },
  };
}

const hashOf = (file: string): string | undefined => /-([0-9a-f]{16})\.json$/.exec(file)?.[1];

function fileNameOf(cell: Cell): string {
  const label = Object.values(cell.levels)
    .join("-")
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, "-");
  return `${label.slice(0, 60)}-seed${cell.seed}-${cellHash(cell)}.json`;
}
