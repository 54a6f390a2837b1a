import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createHuggingFaceTokenizer } from "./hugging-face.ts";

const folder = join(process.env.SEQLAB_GOLDENS ?? "../shared/goldens", "tokenizers");
const missing = !existsSync(folder);

interface Case {
  text: string;
  ids: number[];
  /** Without the special tokens of the template. */
  ids_plain: number[];
  decoded: string;
}

const names = missing ? [] : readdirSync(folder).filter((name) => existsSync(join(folder, name, "tokenizer.json")));

/** What the library does not do, and the file is refused for. */
const refused: Readonly<Record<string, RegExp>> = {
  unigram: /Unknown Normalizer type: Nmt/,
  "unigram-charsmap-bytes": /model\.byte_fallback: expected no bytes/,
  "words-scripts-merged": /added_tokens\[4\]\.single_word: expected no token that is a whole word only/,
  "words-whitespace": /single_word/,
  "words-whitespace-punctuation-digits": /single_word/,
};

describe.skipIf(missing)(`tokenizer.json goldens (skipped where ${folder} is missing)`, () => {
  const read = (name: string, file: string) => JSON.parse(readFileSync(join(folder, name, file), "utf8"));

  test("the folder has files that run and files that are refused", () =>
    expect(names.length).toBeGreaterThan(Object.keys(refused).length));

  test.each(names.filter((name) => refused[name] === undefined))(
    "[tokenizer] %s: ids and text of every case",
    (name) => {
      const tokenizer = createHuggingFaceTokenizer(read(name, "tokenizer.json"));
      const { cases } = read(name, "cases.json") as { cases: Case[] };
      for (const { text, ids, ids_plain, decoded } of cases) {
        expect(Array.from(tokenizer.encode(text))).toEqual(ids_plain);
        expect(tokenizer.decode(ids)).toBe(decoded);
      }
    },
  );

  test.each(Object.keys(refused))("%s is refused", (name) => {
    expect(() => createHuggingFaceTokenizer(read(name, "tokenizer.json"))).toThrow(refused[name]);
  });
});
