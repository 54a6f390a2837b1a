import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Corpus,
  type CorpusSplit,
  fitTokenizer,
  splitCorpus,
  type Tokenizer,
  type TokenizerChoice,
} from "../../data/index.ts";

/** Data as every job sees it. */
export interface PreparedData {
  corpus: Corpus;
  split: CorpusSplit;
  tokenizer: Tokenizer;
  trainIds: string;
  validationIds: string;
  validationBytes: number;
  trainTokens: number;
  /** UTF-8 bytes of a training token, on average. */
  bytesPerToken: number;
}

/**
 * Splits a corpus, fits the tokenizer to the training text only, and writes both splits' ids to files in `folder`, named
 * after their content: a job on other data is another job.
 */
export function prepareData(
  corpus: Corpus,
  { choice, folder }: { choice: TokenizerChoice; folder: string },
): PreparedData {
  const split = splitCorpus(corpus);
  const tokenizer = fitTokenizer(split.train.text, choice);
  const write = (name: string, text: string) => {
    const ids = tokenizer.encode(text);
    const bytes = Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength);
    const file = join(folder, `${name}-${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}.ids`);
    writeFileSync(file, bytes);
    return { file, count: ids.length };
  };
  const train = write("train", split.train.text);
  const validation = write("validation", split.validation.text);
  return {
    corpus,
    split,
    tokenizer,
    trainIds: train.file,
    validationIds: validation.file,
    validationBytes: split.validation.bytes,
    trainTokens: train.count,
    bytesPerToken: split.train.bytes / train.count,
  };
}
