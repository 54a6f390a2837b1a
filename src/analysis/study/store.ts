/** Results of cells on disk, one file each, written as a whole or not at all: an interrupted study goes on from them. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Cell, CellResult } from "./cell.ts";
import { cellHash } from "./plan.ts";

export interface CellStore {
  find(cell: Cell): CellResult | undefined;
  keep(cell: Cell, result: CellResult): void;
}

/** Numbers that JSON lacks are null in files, NaN here. */
export const reviveNumbers = (_: string, value: unknown): unknown => (value === null ? Number.NaN : value);

/** The cells of one study in a folder. */
export function openCells(folder: string): CellStore {
  mkdirSync(folder, { recursive: true });
  const fileOf = (cell: Cell) => {
    const label = Object.values(cell.levels)
      .join("-")
      .toLowerCase()
      .replace(/[^a-z0-9.]+/g, "-");
    return join(folder, `${label.slice(0, 60)}-seed${cell.seed}-${cellHash(cell)}.json`);
  };
  return {
    find(cell) {
      const file = fileOf(cell);
      return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8"), reviveNumbers) as CellResult) : undefined;
    },
    keep(cell, result) {
      const file = fileOf(cell);
      writeFileSync(`${file}.new`, `${JSON.stringify(result)}\n`);
      renameSync(`${file}.new`, file);
    },
  };
}
