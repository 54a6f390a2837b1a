import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { StoredIds } from "./stored-ids.ts";

test("sequences come back as they were, those in the file and those in memory", () => {
  const sequences = fc.array(fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { maxLength: 9 }), { maxLength: 40 });
  fc.assert(
    fc.property(sequences, fc.integer({ min: 1, max: 30 }), (all, most) => {
      const ids = new StoredIds({ most });
      const bounds = all.map((sequence) => {
        const start = ids.length;
        ids.push(sequence);
        return [start, ids.length] as const;
      });
      expect(bounds.map(([start, end]) => [...ids.read(start, end)])).toEqual(all);
    }),
    { numRuns: 60 },
  );
});

test("memory holds no more than the bound, and the folder keeps no file", () => {
  const folder = mkdtempSync(join(tmpdir(), "seqlab-stored-"));
  const ids = new StoredIds({ most: 1 << 16, folder });
  const sequence = new Int32Array(1000).fill(7);
  for (let i = 0; i < 1000; i++) ids.push(sequence);
  expect(ids.length).toBe(1_000_000);
  expect(ids.read(500_000, 501_000)).toEqual(sequence);
  expect(ids.read(999_000, 1_000_000).buffer.byteLength).toBe(4 << 16);
  expect(readdirSync(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
});

test("a folder that cannot be written to is named", () => {
  const ids = new StoredIds({ most: 1, folder: join(tmpdir(), "seqlab-nowhere") });
  ids.push([1]);
  expect(() => ids.push([2])).toThrow(/seqlab-nowhere: expected room for the ids .* \[E_CORPUS_STORE\]/);
});
