/** Texts, tokenizers and batches. */
export {
  type Batch,
  type BatchArrays,
  type Batches,
  type BatchOptions,
  type BatchPosition,
  type BatchShape,
  createBatches,
  type TextBatches,
} from "./batches.ts";
export {
  type Corpus,
  type CorpusFormat,
  type CorpusOptions,
  type CorpusSplit,
  corpusFormats,
  documentSeparator,
  loadCorpus,
  splitCorpus,
} from "./corpus.ts";
export { type NgramText, ngramBits } from "./ngrams.ts";
export { createNoiseBatches, type NoiseTokens, noiseWindows } from "./noise-batches.ts";
export { createPairBatches, type PairBatches, type PairBatchOptions } from "./pair-batches.ts";
export { linesOf, openPairs, type PairFiles, type PairReader, type TextPair } from "./pair-files.ts";
export { type PairWindows, pairWindows } from "./pair-windows.ts";
export { collectPairs, type Pairs, type Ragged } from "./pairs.ts";
export { createSpanBatches, type SpanBatchOptions, type SpanTokens, spanWindows } from "./span-batches.ts";
export { type Corrupted, corrupt, randomSpans, restore, type Span, type SpanOptions } from "./spans.ts";
export { StoredIds } from "./stored-ids.ts";
export { type BpeOptions, createBpeTokenizer, trainBpe } from "./tokenizers/bpe.ts";
export { byteTokenizer } from "./tokenizers/byte.ts";
export { createCharTokenizer, fitCharTokenizer } from "./tokenizers/char.ts";
export { fitTokenizer, type TokenizerChoice, tokenizerFromJSON } from "./tokenizers/fit.ts";
export { createHuggingFaceTokenizer } from "./tokenizers/hugging-face.ts";
export { assertLossless } from "./tokenizers/lossless.ts";
export type { Merge, SpecialIds, StreamDecoder, Tokenizer, TokenizerJSON } from "./tokenizers/tokenizer.ts";
export { trainWordBpe, type WordBpe, type WordBpeOptions } from "./tokenizers/word-bpe.ts";
export { type ValidationWindows, validationWindows } from "./validation.ts";
