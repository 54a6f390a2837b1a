/** Recall: the authors' questions, answered by our rules. Where they ask is theirs; what is right there is ours. */
import type { Computed, GoldenAdapter, GoldenCase } from "../../testing/goldens/index.ts";
import { ignored, rowsOf } from "../goldens.fixture.ts";
import { copy } from "../strings/copy.ts";
import { fuzzyAnswer, recallAnswer, shownValue } from "./solvers.fixture.ts";

interface Settings {
  vocab_size: number;
  num_kv_pairs: number;
  num_tokens_to_copy: number;
  noise_vocab_size?: number;
  is_training?: boolean;
  multi_query?: boolean;
}
type Row = readonly number[];

/** The next ids; behind the last one the answer. */
const shifted = (row: Row, answer: number | undefined): (number | undefined)[] => [...row.slice(1), answer];

/** Nothing but the answer at the last place. */
const atEnd = (row: Row, answers: readonly (number | undefined)[]): (number | undefined)[] => [
  ...row.slice(answers.length).map(() => undefined),
  ...answers,
];

function inContext(row: Row, { vocab_size, noise_vocab_size = 0, is_training, multi_query }: Settings) {
  if (is_training) return shifted(row, recallAnswer(row));
  if (!multi_query) return atEnd(row, [recallAnswer(row)]);
  const keys = Math.floor((vocab_size - noise_vocab_size) / 2);
  return row.map((id, place) => (id < keys ? recallAnswer(row.slice(0, place + 1)) : undefined));
}

function fuzzy(row: Row, { vocab_size, is_training, multi_query }: Settings) {
  const ids = vocab_size - (multi_query ? 1 : 2);
  const sizes = { keys: Math.floor(ids / 2), values: ids - Math.floor(ids / 2) };
  if (is_training) return shifted(row, fuzzyAnswer(row, sizes));
  const lastKey = row.findLastIndex((id) => id < sizes.keys);
  return row.map((_, place) => (place < lastKey ? undefined : fuzzyAnswer(row.slice(0, place + 1), sizes)));
}

const copied = (row: Row, { vocab_size }: Settings) =>
  atEnd(
    row,
    row.slice(0, row.indexOf(vocab_size - 1)).filter((id) => id < vocab_size - 2),
  );

/** What a model with one vector between reading and writing copies; the token that ends the sequence is asked for, too. */
const compressed = (row: Row) => [...copy.answer(row.slice(0, -1), copy.config.parse({})), row.at(-1)];

const mad: Readonly<Record<string, (row: Row, settings: Settings) => (number | undefined)[]>> = {
  "in-context-recall": inContext,
  "noisy-in-context-recall": inContext,
  "fuzzy-in-context-recall": fuzzy,
  compression: compressed,
  copying: copied,
  "selective-copying": copied,
};

const settingsOf = (c: GoldenCase) => c.config["settings"] as Settings;
const flat = (rows: readonly (readonly (number | undefined)[])[]) => rows.flat().map((id) => id ?? ignored);

function madAnswers(c: GoldenCase): Computed {
  const [name, rows] = [c.text("task"), rowsOf(c, "in.x")];
  if (name !== "memorization") return { "out.y": flat(rows.map((row) => mad[name]!(row, settingsOf(c)))) };
  const map = c.values("out.map"); // drawn by the authors' generator
  const values = (row: Row) => row.map((_, place) => (place % 2 === 1 ? map[row[place - 1]!] : undefined));
  return { "out.y": flat(rows.map(values)), "out.map": map };
}

function mqar(c: GoldenCase): Computed {
  const asked = rowsOf(c, "out.y");
  const answer = (row: Row, place: number) => shownValue(row.slice(0, place + 1), settingsOf(c).num_kv_pairs);
  const rows = rowsOf(c, "in.x").map((row, i) =>
    row.map((_, place) => (asked[i]![place] === ignored ? undefined : answer(row, place))),
  );
  return { "out.y": flat(rows) };
}

export const adapters: GoldenAdapter[] = [
  { kind: "tasks", component: "mad", compute: madAnswers },
  { kind: "tasks", component: "mqar", compute: mqar },
];
