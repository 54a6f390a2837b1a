import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { openPairs, type PairFiles } from "./pair-files.ts";

const folder = mkdtempSync(join(tmpdir(), "pairs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, content: string | Uint8Array) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
async function collected<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
const all = (files: PairFiles) => collected(openPairs(files));
const expected = [
  { source: "ein Hund", target: "a dog" },
  { source: "zwei Züge 🚂", target: "two trains" },
];

describe("parallel corpora", () => {
  test("two files, tabs, and JSONL give the same pairs, packed or not, with any line ends", async () => {
    const de = file("a.de", "ein Hund\r\nzwei Züge 🚂");
    const en = file("a.en.gz", gzipSync("a dog\ntwo trains\n"));
    const tsv = file("a.tsv", "ein Hund\ta dog\n\nzwei Züge 🚂\ttwo trains\tignored\n");
    const jsonl = file("a.jsonl.gz", gzipSync(expected.map((pair) => `${JSON.stringify(pair)}\n`).join("")));
    const nested = file(
      "b.jsonl",
      expected.map(({ source, target }) => JSON.stringify({ t: { de: source, en: target } })).join("\n"),
    );
    expect(await all({ source: de, target: en })).toEqual(expected);
    expect(await all({ source: tsv })).toEqual(expected);
    expect(await all({ source: jsonl })).toEqual(expected);
    expect(await all({ source: nested, fields: ["t.de", "t.en"] })).toEqual(expected);
  });

  test("characters are whole where chunks of the file part them", async () => {
    const line = "ü🚂".repeat(60_000);
    expect(await all({ source: file("long.tsv", `${line}\tx\n${line}\ty`) })).toEqual([
      { source: line, target: "x" },
      { source: line, target: "y" },
    ]);
  });

  test("pairs with an empty side are left out and counted, every time they are read", async () => {
    const reader = openPairs({ source: file("c.tsv", "a\tb\n\tx\ny\t \n") });
    for (let time = 0; time < 2; time++) {
      expect(await collected(reader)).toEqual([{ source: "a", target: "b" }]);
      expect(reader.empty).toBe(2);
    }
  });

  test("errors name file and line", async () => {
    const good = file("good", "a\nb\n");
    await expect(all({ source: join(folder, "none"), target: good })).rejects.toThrow(/none: .*E_CORPUS_MISSING/);
    await expect(all({ source: good, target: file("short", "a\n") })).rejects.toThrow(
      /short ends behind line 1.*E_PAIRS_LENGTH/,
    );
    await expect(all({ source: file("bad.tsv", "a\tb\nno tab\n") })).rejects.toThrow(/bad\.tsv:2: .*E_CORPUS_LINE/);
    await expect(all({ source: file("bad.jsonl", '{"source":"a","target":1}') })).rejects.toThrow(
      /bad\.jsonl:1: expected text under "target", got number/,
    );
    await expect(all({ source: file("keys.jsonl", '{"de":"a","en":"b"}') })).rejects.toThrow(
      /keys\.jsonl:1: expected text under "source", got keys: de, en\. .*--fields.*E_CORPUS_LINE/,
    );
    await expect(all({ source: file("bytes.tsv", Uint8Array.of(97, 9, 98, 10, 0xff, 0xfe)) })).rejects.toThrow(
      /E_CORPUS_UTF8/,
    );
    await expect(all({ source: file("cut.tsv.gz", gzipSync("a\tb\n".repeat(1000)).subarray(0, 20)) })).rejects.toThrow(
      /E_CORPUS_READ/,
    );
    await expect(all({ source: file("wide.tsv", `${"x".repeat(1 << 21)}\ty`) })).rejects.toThrow(
      /wide\.tsv:1: .*E_CORPUS_LINE/,
    );
  });
});
