import type { GoldenAdapter, GoldenCase } from "../../testing/goldens/index.ts";
import { biasSequences, forbid, force, guide, hastenEnd, replaceNonFinite } from "./constraints.ts";
import { cutBelow, cutByEntropy, minP, temper, topH, topK, topP, typical } from "./filters.ts";
import { forbidNgrams, penaliseRepetition } from "./repetition.ts";
import { type Logits, softmax } from "./softmax.ts";

/** Settings of the source's processors, as far as they are read here. */
interface Settings {
  temperature: number;
  top_k: number;
  top_p: number;
  min_p: number;
  top_h: number;
  mass: number;
  epsilon: number;
  min_tokens_to_keep: number;
  penalty: number;
  prompt_ignore_length?: number;
  ngram_size: number;
  encoder_ngram_size: number;
  bad_words_ids: number[][];
  sequence_bias: [ids: number[], bias: number][];
  suppress_tokens: number[];
  begin_suppress_tokens: number[];
  begin_index: number;
  bos_token_id: number;
  eos_token_id: number | number[];
  min_length: number;
  max_length: number;
  min_new_tokens: number;
  prompt_length_to_skip: number;
  exponential_decay_length_penalty: [start: number, factor: number];
  input_ids_seq_length: number;
  guidance_scale: number;
}

/** What one row has beside its scores. */
interface Row {
  ids: Float64Array;
  /** What an encoder read. */
  source: Float64Array;
  /** Scores without the condition. */
  unconditional: Float64Array;
}
type Processor = (logits: Logits, settings: Settings, row: Row) => Logits;

const atLeast = ({ min_tokens_to_keep }: Settings) => ({ atLeast: min_tokens_to_keep });
const ends = ({ eos_token_id }: Settings) => [eos_token_id].flat();
const banned = (sequences: readonly number[][]) => sequences.map((ids) => ({ ids, bias: Number.NEGATIVE_INFINITY }));
const isEnd = (word: readonly number[], settings: Settings) => word.length === 1 && ends(settings).includes(word[0]!);

/** Processors of the source by name. */
const processors: Readonly<Record<string, Processor>> = {
  temperature: (logits, { temperature }) => temper(logits, temperature),
  top_k: (logits, s) => topK(logits, s.top_k, atLeast(s)),
  top_p: (logits, s) => topP(logits, s.top_p, atLeast(s)),
  min_p: (logits, s) => minP(logits, s.min_p, atLeast(s)),
  top_h: (logits, { top_h }) => topH(logits, top_h),
  typical: (logits, s) => typical(logits, s.mass, atLeast(s)),
  epsilon: (logits, s) => cutBelow(logits, s.epsilon, atLeast(s)),
  eta: (logits, s) => cutByEntropy(logits, s.epsilon, atLeast(s)),
  repetition_penalty: (logits, { penalty, prompt_ignore_length = 0 }, { ids }) =>
    penaliseRepetition(logits, penalty, ids.subarray(prompt_ignore_length)),
  encoder_repetition_penalty: (logits, { penalty }, { source }) => penaliseRepetition(logits, 1 / penalty, source),
  no_repeat_ngram: (logits, { ngram_size }, { ids }) => forbidNgrams(logits, ngram_size, { ids }),
  encoder_no_repeat_ngram: (logits, { encoder_ngram_size }, { ids, source }) =>
    forbidNgrams(logits, encoder_ngram_size, { ids, seen: source }),
  sequence_bias: (logits, { sequence_bias }, { ids }) =>
    biasSequences(
      logits,
      sequence_bias.map(([sequence, bias]) => ({ ids: sequence, bias })),
      ids,
    ),
  bad_words: (logits, s, { ids }) =>
    biasSequences(logits, banned(s.bad_words_ids.filter((word) => !isEnd(word, s))), ids),
  suppress: (logits, { suppress_tokens }) => forbid(logits, suppress_tokens),
  suppress_at_begin: (logits, { begin_suppress_tokens, begin_index }, { ids }) =>
    ids.length === begin_index ? forbid(logits, begin_suppress_tokens) : logits,
  forced_bos: (logits, { bos_token_id }, { ids }) => (ids.length === 1 ? force(logits, [bos_token_id]) : logits),
  forced_eos: (logits, s, { ids }) => (ids.length === s.max_length - 1 ? force(logits, ends(s)) : logits),
  min_length: (logits, s, { ids }) => (ids.length < s.min_length ? forbid(logits, ends(s)) : logits),
  min_new_tokens: (logits, s, { ids }) =>
    ids.length - s.prompt_length_to_skip < s.min_new_tokens ? forbid(logits, ends(s)) : logits,
  exponential_decay_length: (logits, s, { ids }) => {
    const [start, factor] = s.exponential_decay_length_penalty;
    return hastenEnd(logits, { excess: ids.length - start - s.input_ids_seq_length, factor, end: ends(s) });
  },
  remove_nonfinite: (logits) => replaceNonFinite(logits),
  guidance: (logits, { guidance_scale }, { unconditional }) => guide(logits, unconditional, guidance_scale),
};

function compute(c: GoldenCase) {
  const steps = c.config["processors"] as [name: string, settings: Settings][];
  const [rows, vocabulary, length] = [c.number("rows"), c.number("vocab"), c.number("length")];
  const [scores, ids] = [c.values("in.scores"), c.values("in.input_ids")];
  const source = c.has("in.encoder_input_ids") ? c.values("in.encoder_input_ids") : new Float64Array(0);
  const rowOf = (all: Float64Array, row: number, size: number) => all.subarray(row * size, (row + 1) * size);
  const processed = Array.from({ length: rows }, (_, row) => {
    const beside = {
      ids: rowOf(ids, row, length),
      source: rowOf(source, row, source.length / rows),
      unconditional: rowOf(scores, rows + row, vocabulary),
    };
    return steps.reduce<Logits>(
      (logits, [name, settings]) => processors[name]!(logits, settings, beside),
      rowOf(scores, row, vocabulary),
    );
  });
  return {
    "out.scores": processed.flatMap((row) => Array.from(row)),
    "out.probabilities": processed.flatMap((row) => Array.from(softmax(row))),
  };
}

export const adapters: GoldenAdapter[] = [...Object.keys(processors), "chain"].map((component) => ({
  kind: "sampling",
  component,
  compute,
}));
