import { isUtf8 } from "node:buffer";
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { type Corpus, loadCorpus, splitCorpus } from "./corpus.ts";
import { maybeInvalidUtf8 } from "./utf8.ts";

const scratch = mkdtempSync(join(tmpdir(), "seqlab-corpus-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  writeFileSync(join(scratch, name), content);
  return join(scratch, name);
}

describe("loading", () => {
  test("the built-in corpus is all of Moby-Dick", async () => {
    const corpus = await loadCorpus("builtin");
    expect(corpus).toMatchObject({ name: "moby-dick", bytes: 1_216_440 });
    expect(corpus.sha256).toBe("ba355a71d3eb8ae25ecd8abd682bc347ac90ec3effbc715b04b46a31fa6378d4");
    expect(corpus.text).toContain("\n\nCall me Ishmael. Some years ago—never mind");
    expect(corpus.text.endsWith("only found another orphan.\n")).toBe(true);
    expect(corpus.documents).toBeUndefined();
  });

  test("a text file: name, text, bytes, hash; a byte order mark is left out", async () => {
    const text = "Grüße 🙂\r\n";
    const sha256 = createHash("sha256").update(text).digest("hex");
    expect(await loadCorpus(file("a.txt", text))).toEqual({ name: "a.txt", text, bytes: 14, sha256 });
    expect(await loadCorpus(file("b.md", `\ufeff${text}`))).toEqual({ name: "b.md", text, bytes: 14, sha256 });
  });

  test("a key for the text of what is no JSONL is refused: it would be trained on with its braces", async () => {
    const path = file("a.json", '{"body":"one"}');
    await expect(loadCorpus(path, { field: "body" })).rejects.toThrow(
      `${path}: expected a JSONL file (*.jsonl or *.ndjson), whose key "body" holds the text, got plain text. Rename the file, or leave the key out. [E_CORPUS_FORMAT]`,
    );
    await expect(loadCorpus("builtin", { field: "text" })).rejects.toThrow("[E_CORPUS_FORMAT]");
  });

  test("JSONL: documents in order, joined by a blank line", async () => {
    const path = file("a.jsonl", '\ufeff{"text":"one\\n"}\r\n\n{"id":1,"text":"zwei ü"}\n{"text":""}');
    const corpus = await loadCorpus(path);
    expect(corpus).toMatchObject({
      name: "a.jsonl",
      documents: ["one\n", "zwei ü", ""],
      text: "one\n\n\nzwei ü\n\n",
      bytes: 15,
    });
    const titles = file("b.data", '{"title":"a\\ud800"}');
    expect((await loadCorpus(titles, { format: "jsonl", field: "title" })).text).toBe("a\ufffd");
  });

  test.each<[string, string, string]>([
    ["no JSON", '{"text":"a"}\n{text}', ":2: expected a JSON object"],
    ["no object", '{"text":"a"}\n\n[1]', ":3: expected a JSON object, got [1]"],
    ["a missing key", '{"body":"a","id":2}', ':1: expected the key "text", got keys: body, id. Name the field'],
    ["an inherited key", "{}", ':1: expected the key "text", got keys: none.'],
    ["no string", '{"text":null}', ':1: expected a string under "text", got null'],
    ["blank lines", "\n\n", "expected at least one document"],
  ])("JSONL errors name the line and the key: %s", async (_, content, message) => {
    const path = file("bad.jsonl", content);
    await expect(loadCorpus(path)).rejects.toThrow(message);
    await expect(loadCorpus(path)).rejects.toThrow(/^.*bad\.jsonl.*\[E_CORPUS_JSONL\]$/);
  });

  test("a missing file, a folder, an empty file and an unknown format are named", async () => {
    await expect(loadCorpus(join(scratch, "none.txt"))).rejects.toThrow(
      /none\.txt: expected a text file.*\[E_CORPUS_MISSING\]/,
    );
    mkdirSync(join(scratch, "folder"));
    await expect(loadCorpus(join(scratch, "folder"))).rejects.toThrow("expected a file, got a folder. Name one file");
    await expect(loadCorpus(file("empty.txt", ""))).rejects.toThrow(
      "expected a file with text, got 0 bytes. [E_CORPUS_EMPTY]",
    );
    await expect(loadCorpus(join(file("f.txt", "x"), "y"))).rejects.toThrow("[E_CORPUS_READ]");
    await expect(loadCorpus(file("g.txt", "x"), { format: "xml" as never })).rejects.toThrow(
      "expected text or jsonl, got xml",
    );
  });

  test("bytes that are no UTF-8 are named with their offset and what they look like", async () => {
    const bad = (bytes: number[]) => loadCorpus(file("bad.txt", Uint8Array.from(bytes)));
    await expect(bad([0x61, 0xc3, 0xa9, 0xff])).rejects.toThrow(
      "bad.txt: expected text in UTF-8, got byte 0xff at offset 3. Convert",
    );
    await expect(bad([0x61, 0xe2, 0x82])).rejects.toThrow("byte 0xe2 at offset 1");
    await expect(bad([0xff, 0xfe, 0x61, 0])).rejects.toThrow("It looks like UTF-16");
    await expect(bad([0x1f, 0x8b, 8])).rejects.toThrow("It looks like a gzip file");
  });

  test("the offset is that at which the platform's decoder gives up, whatever the bytes", () => {
    const lead = fc.constantFrom(
      0x7f,
      0x80,
      0xbf,
      0xc0,
      0xc1,
      0xc2,
      0xdf,
      0xe0,
      0xed,
      0xef,
      0xf0,
      0xf4,
      0xf5,
      0x9f,
      0xa0,
      0x90,
      0x8f,
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(lead, fc.nat(255)), { maxLength: 9 }), (list) => {
        const bytes = Uint8Array.from(list);
        const offset = maybeInvalidUtf8(bytes);
        expect(offset === undefined).toBe(isUtf8(bytes));
        if (offset === undefined) return;
        expect(isUtf8(bytes.subarray(0, offset))).toBe(true);
        for (let end = offset + 1; end <= bytes.length; end++) expect(isUtf8(bytes.subarray(offset, end))).toBe(false);
      }),
      { numRuns: 3000 },
    );
  });

  test.skipIf(process.platform === "win32")("a pipe is read to its end (skipped on Windows)", async () => {
    const pipe = join(scratch, "pipe");
    execFileSync("mkfifo", [pipe]);
    spawn("sh", ["-c", `printf 'from a pipe' > ${pipe}`]);
    expect((await loadCorpus(pipe)).text).toBe("from a pipe");
  });

  test.skipIf(process.platform === "win32")(
    "a file that changes while it is read is named (skipped on Windows)",
    async () => {
      const path = file("growing.txt", "x".repeat(5_000_000));
      const writer = spawn("sh", ["-c", `while :; do printf yyyyyyyy >> ${path}; done`]);
      try {
        let outcome = "";
        for (let tries = 0; tries < 200 && outcome === ""; tries++)
          outcome = await loadCorpus(path).then(() => "", String);
        expect(outcome).toMatch(/growing\.txt: expected \d+ bytes, as when it was opened.*E_CORPUS_CHANGED/);
      } finally {
        writer.kill("SIGKILL");
      }
    },
  );
});

describe("splitting", () => {
  const corpusOf = (text: string, documents?: string[]): Corpus => ({
    name: "c",
    text,
    bytes: Buffer.byteLength(text),
    sha256: "",
    ...(documents && { documents }),
  });

  test("validation is the last tenth of the bytes, begun at a character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 11, maxLength: 80 }), (text) => {
        const { train, validation } = splitCorpus(corpusOf(text));
        expect(train.text + validation.text).toBe(text);
        const tenth = Math.floor(Buffer.byteLength(text) / 10);
        expect(validation.bytes - tenth).toBeGreaterThanOrEqual(0);
        expect(validation.bytes - tenth).toBeLessThan(4);
        expect(validation.bytes).toBe(Buffer.byteLength(validation.text));
        expect(validation.sha256).toBe(createHash("sha256").update(validation.text).digest("hex"));
      }),
    );
  });

  test("documents stay whole, and the boundary nearest to nine tenths is taken", () => {
    const documents = ["a".repeat(50), "b".repeat(30), "c".repeat(14), "d".repeat(6)];
    const split = splitCorpus(corpusOf(documents.join("\n\n"), documents));
    expect(split.train).toMatchObject({ name: "c: train", documents: documents.slice(0, 3) });
    expect(split.validation).toMatchObject({ name: "c: validation", documents: ["d".repeat(6)], text: "dddddd" });
    const lateGiant = ["a", "b".repeat(100)];
    expect(splitCorpus(corpusOf(lateGiant.join("\n\n"), lateGiant)).validation.documents).toEqual(["b".repeat(100)]);
  });

  test("one document is split as a text", () => {
    const { train, validation } = splitCorpus(corpusOf("0123456789", ["0123456789"]));
    expect([train.text, validation.text]).toEqual(["012345678", "9"]);
  });

  test("too short a corpus, and a ratio that is none, are refused", () => {
    expect(() => splitCorpus(corpusOf("short"))).toThrow(
      "c: validation: expected at least one character, got none. [E_CORPUS_SHORT]",
    );
    expect(() => splitCorpus(corpusOf("🙂"), { ratio: 0.5 })).toThrow("c: train: ");
    expect(() => splitCorpus(corpusOf("text"), { ratio: 1 })).toThrow("[E_CORPUS_RATIO]");
  });
});
