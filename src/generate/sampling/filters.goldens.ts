import type { GoldenAdapter, GoldenCase } from "../../testing/goldens/index.ts";
import { minP, penaliseRepetition, temper, topK, topP } from "./filters.ts";
import { type Logits, softmax } from "./softmax.ts";

interface Processor {
  [option: string]: number;
}
type Filter = (logits: Logits, options: Processor, ids: Float64Array) => Float64Array;

/** Processors of the source by name. */
const filters: Readonly<Record<string, Filter>> = {
  temperature: (logits, { temperature }) => temper(logits, temperature!),
  top_k: (logits, { top_k, min_tokens_to_keep }) => topK(logits, top_k!, { atLeast: min_tokens_to_keep! }),
  top_p: (logits, { top_p, min_tokens_to_keep }) => topP(logits, top_p!, { atLeast: min_tokens_to_keep! }),
  min_p: (logits, { min_p, min_tokens_to_keep }) => minP(logits, min_p!, { atLeast: min_tokens_to_keep! }),
  repetition_penalty: (logits, { penalty, prompt_ignore_length = 0 }, ids) =>
    penaliseRepetition(logits, penalty!, ids.subarray(prompt_ignore_length)),
};

function compute(c: GoldenCase) {
  const [scores, ids] = [c.values("in.scores"), c.values("in.input_ids")];
  const processors = c.config["processors"] as [name: string, options: Processor][];
  const [rows, vocabulary, length] = [c.number("rows"), c.number("vocab"), c.number("length")];
  const filteredRow = (_: unknown, row: number) =>
    processors.reduce<Logits>(
      (logits, [name, options]) => filters[name]!(logits, options, ids.subarray(row * length, (row + 1) * length)),
      scores.subarray(row * vocabulary, (row + 1) * vocabulary),
    );
  const results = Array.from({ length: rows }, filteredRow);
  return {
    "out.scores": results.flatMap((row) => Array.from(row)),
    "out.probabilities": results.flatMap((row) => Array.from(softmax(row))),
  };
}

export const adapters: GoldenAdapter[] = [...Object.keys(filters), "chain"].map((component) => ({
  kind: "sampling",
  component,
  compute,
}));
