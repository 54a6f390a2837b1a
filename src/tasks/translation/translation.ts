import { createHash } from "node:crypto";
import { basename } from "node:path";
import {
  assertLossless,
  collectPairs,
  createPairBatches,
  fitTokenizer,
  openPairs,
  type PairBatches,
  type PairFiles,
  type Pairs,
  pairWindows,
  StoredIds,
  type TextPair,
  type Tokenizer,
  type TokenizerChoice,
} from "../../data/index.ts";
import type { Engine } from "../../engine/index.ts";
import { createTranslator, type TranslatorOptions } from "../../generate/index.ts";
import type { BuiltModel } from "../../spec/index.ts";
import { fail } from "../../tensor/index.ts";
import { tokenizerCodec } from "../codec.ts";
import type { Dataset, Score, ScoreOptions } from "../dataset.ts";
import { bleu, chrf } from "../metrics/index.ts";

export interface TranslationOptions {
  train: PairFiles;
  /** Left out: the last tenth of the training pairs, at most 2,000, is held out. */
  validation?: PairFiles;
  /** One tokenizer for both sides: fitted to both sides of the training pairs, or given. */
  tokenizer: TokenizerChoice | Tokenizer;
  /** Longest source and target, in tokens, that is trained on. Default 100. */
  longest?: number;
  /** How the validation part is decoded for scores. */
  decoding?: TranslatorOptions;
}

export interface Translation extends Dataset {
  tokenizer: Tokenizer;
  /** References of the validation part, and what they translate. */
  held: readonly TextPair[];
}

const heldShare = 0.1;
const mostHeld = 2000;
/** Characters of training text that a tokenizer is fitted to: enough for its merges, whatever the corpus. */
const fittedCharacters = 20_000_000;

/**
 * A parallel corpus, of which memory holds the ids (4 bytes a token), not the text. Reads the files twice: to divide them and fit
 * the tokenizer, then to encode. Throws what reading pairs throws, `E_PAIRS`, `E_PAIRS_FEW` for fewer than two pairs, and
 * `E_TOKENIZER_LOSSY` for a tokenizer from which the validation targets do not come back.
 */
export async function openTranslation(options: TranslationOptions): Promise<Translation> {
  const reader = openPairs(options.train);
  const survey = await surveyed(reader);
  const own = options.validation === undefined;
  const kept = own
    ? survey.count - Math.max(1, Math.min(mostHeld, Math.floor(survey.count * heldShare)))
    : survey.count;
  if (kept < 1) fail({ code: "E_PAIRS_FEW", where: nameOf(options.train), expected: "at least two pairs", got: "one" });
  const tokenizer =
    "kind" in options.tokenizer && "encode" in options.tokenizer
      ? options.tokenizer
      : fitTokenizer(survey.text, options.tokenizer);
  const held = own ? await between(reader, kept, survey.count) : await between(openPairs(options.validation!), 0);
  assertLossless(tokenizer, targetsOf(held), `${nameOf(options.validation ?? options.train)}: validation targets`);
  const pairs = await collectPairs(encoded(reader, tokenizer, kept), nameOf(options.train), () => new StoredIds());
  const validation = await collectPairs(
    encoded(held, tokenizer),
    `${nameOf(options.validation ?? options.train)}: validation`,
  );
  const hash = createHash("sha256").update(survey.hash).update(JSON.stringify(held)).digest("hex");
  return {
    ...datasetOf({ pairs, validation, held, tokenizer, options }),
    name: nameOf(options.train),
    facts: {
      task: "translation",
      train: nameOf(options.train),
      validation: options.validation ? nameOf(options.validation) : `the last ${held.length} pairs`,
      sha256: hash,
      pairs: pairs.count,
      heldPairs: held.length,
      emptyPairs: reader.empty,
      longest: options.longest ?? 100,
      tokenizer: tokenizer.kind,
      vocabulary: tokenizer.size,
    },
    tokenizer,
    held,
  };
}

const targetsOf = (held: readonly TextPair[]): string[] => held.map(({ target }) => target);

const nameOf = ({ source, target }: PairFiles): string =>
  target === undefined ? basename(source) : `${basename(source)} → ${basename(target)}`;

/** Counts pairs, hashes them, and keeps the beginning of both sides. */
async function surveyed(reader: AsyncIterable<TextPair>): Promise<{ count: number; text: string; hash: string }> {
  const hash = createHash("sha256");
  const parts: string[] = [];
  let [count, characters] = [0, 0];
  for await (const { source, target } of reader) {
    count++;
    hash.update(source).update("\t").update(target).update("\n");
    if (characters > fittedCharacters) continue;
    parts.push(source, target);
    characters += source.length + target.length;
  }
  return { count, text: parts.join("\n"), hash: hash.digest("hex") };
}

async function between(reader: AsyncIterable<TextPair>, first: number, end = Number.POSITIVE_INFINITY) {
  const found: TextPair[] = [];
  let index = 0;
  for await (const pair of reader) {
    if (index >= first && index < end) found.push(pair);
    index++;
  }
  return found;
}

async function* encoded(
  pairs: AsyncIterable<TextPair> | Iterable<TextPair>,
  tokenizer: Tokenizer,
  count = Number.POSITIVE_INFINITY,
) {
  let index = 0;
  for await (const { source, target } of pairs) {
    if (index++ >= count) return;
    yield { source: tokenizer.encode(source), target: tokenizer.encode(target) };
  }
}

interface Parts {
  pairs: Pairs;
  validation: Pairs;
  held: readonly TextPair[];
  tokenizer: Tokenizer;
  options: TranslationOptions;
}

function datasetOf({ pairs, validation, held, tokenizer, options }: Parts): Omit<Dataset, "facts" | "name"> {
  const ends = ({ extraTokens }: BuiltModel) => ({ start: extraTokens["start"]!, end: extraTokens["end"]! });
  return {
    kind: "translate",
    objectives: ["sequence-to-sequence"],
    tokens: tokenizer.size,
    bitsPer: "target byte",
    codec: tokenizerCodec(tokenizer),
    batches: (built, { seed, batch, length, accumulate: multiple }): PairBatches =>
      createPairBatches({
        pairs,
        seed,
        tokens: batch * length,
        longest: options.longest ?? 100,
        multiple,
        ...ends(built),
      }),
    validation: (built, { batch }) => ({
      windows: pairWindows(validation, { ...ends(built), multipleOf: batch }),
      bytes: held.reduce((sum, { target }) => sum + Buffer.byteLength(target), 0),
    }),
    score: (engine, built, asked) =>
      scored(engine, built, { held, tokenizer, decoding: options.decoding ?? {}, asked }),
  };
}

/** Sources between two reports of progress. */
const together = 16;

/** BLEU and chrF of the held-out sources' translations, as sacreBLEU computes them. */
async function scored(
  engine: Engine,
  built: BuiltModel,
  {
    held,
    tokenizer,
    decoding,
    asked: { examples = held.length, signal, onProgress } = {},
  }: { held: readonly TextPair[]; tokenizer: Tokenizer; decoding: TranslatorOptions; asked: ScoreOptions | undefined },
): Promise<Score[]> {
  const chosen = held.slice(0, examples);
  const translator = createTranslator(engine, built, decoding);
  const hypotheses: string[] = [];
  try {
    for (let first = 0; first < chosen.length; first += together) {
      const sources = chosen.slice(first, first + together).map(({ source }) => tokenizer.encode(source));
      const answers = await translator.translate(sources, { ...(signal && { signal }) });
      hypotheses.push(...answers.map(([best]) => tokenizerCodec(tokenizer).decodeTarget(best!.tokens)));
      onProgress?.(hypotheses.length, chosen.length);
    }
  } finally {
    await translator.dispose();
  }
  const text = { hypotheses, references: chosen.map(({ target }) => [target]) };
  const beams = `${chosen.length} segments, ${decoding.beams ?? 4} beams`;
  const [b, c] = [bleu(text), chrf(text)];
  return [
    { name: "BLEU", value: b.score, unit: "points", better: "higher", signature: `${b.signature}; ${beams}` },
    { name: "chrF", value: c.score, unit: "points", better: "higher", signature: `${c.signature}; ${beams}` },
  ];
}
