/** State tracking: the authors' questions, answered by our rules. */
import type { GoldenAdapter, GoldenCase } from "../../testing/goldens/index.ts";
import { modularArithmetic } from "../arithmetic/modular-arithmetic.ts";
import { modularBrackets } from "../arithmetic/modular-brackets.ts";
import { rowsOf } from "../goldens.fixture.ts";
import { cycleNavigation } from "./cycle-navigation.ts";
import { evenPairs } from "./even-pairs.ts";
import { eventsOf, parityOf } from "./event-xor.ts";
import { parity } from "./parity.ts";
import { runningProducts } from "./permutation-groups.ts";

/** xLSTM's sizes: the defaults of its tasks. */
const [circle, modulus] = [6, 5];

/** Answers of xLSTM's tasks in its numbering: 0 fills up, so everything else begins at 1. */
const answers: Readonly<Record<string, (question: readonly number[]) => number>> = {
  parity: (question) =>
    1 +
    parity.answer(
      question.map((id) => id - 1),
      { symbols: 2 },
    )[0]!,
  "even-pairs": (question) => 1 + evenPairs.answer(question, {})[0]!,
  "cycle-navigation": (question) => {
    const moves = question.map((id) => (id === 3 ? 0 : id)); // 1, 2, 3: stay, forth, back
    return 4 + cycleNavigation.answer(moves, { places: circle, steps: 1 })[0]!;
  },
  "modular-arithmetic": (question) => {
    const symbols = question.slice(0, -1).map((id) => (id > 4 ? id - 5 : modulus + id - 1));
    return 5 + modularArithmetic.answer(symbols, { modulus })[0]!;
  },
};

/** Sequences of a question, its answer and padding: the answer is wiped out and found again. */
function answered(c: GoldenCase, padding: number, answer: (question: readonly number[]) => number) {
  const rows = rowsOf(c, "out.sequence").map((row) => {
    const place = row.findLastIndex((id) => id !== padding);
    return { sequence: row.with(place, answer(row.slice(0, place))), mask: row.map((_, i) => (i === place ? 1 : 0)) };
  });
  return { "out.sequence": rows.flatMap(({ sequence }) => sequence), "out.mask": rows.flatMap(({ mask }) => mask) };
}

function brackets(c: GoldenCase) {
  const modulus = (c.config["settings"] as { vocab_size: number }).vocab_size - 7;
  // The authors' equals sign is our separator, one before the padding.
  return answered(
    c,
    modulus + 6,
    (question) => modularBrackets.answer(question.slice(0, -1), { modulus, products: true })[0]!,
  );
}

function groupWords(c: GoldenCase) {
  const table = rowsOf(c, "in.table");
  return { "out.y": rowsOf(c, "in.x").flatMap((word) => runningProducts(table, word)) };
}

/** Bits from the authors' events, and from the bits our events and their parity. */
function eventXor(c: GoldenCase) {
  const size = c.number("pad_size");
  const [events, elapsed, masks] = [rowsOf(c, "out.events"), rowsOf(c, "out.elapsed"), rowsOf(c, "out.mask")];
  const examples = masks.map((mask, row) => {
    const steps = elapsed[row]!.map((time) => Math.round(time * size));
    return events[row]!.flatMap((bit, i) => {
      const before = i === 0 ? [] : new Array<number>(Math.max(0, steps[i]! - 1)).fill(events[row]![i - 1]!);
      return mask[i] === 1 ? [...before, bit] : [];
    });
  });
  const written = examples.map((bits) => eventsOf(bits, c.flag("event_based") ? "changes" : "dense"));
  const filled = (values: readonly number[]) => [...values, ...new Array<number>(size - values.length).fill(0)];
  return {
    "out.y": examples.map(parityOf),
    "out.events": written.flatMap(({ bits }) => filled(bits)),
    "out.elapsed": written.flatMap((at) => filled(at.elapsed.map((steps) => steps / size))),
    "out.mask": written.flatMap(({ bits }) => filled(bits.map(() => 1))),
  };
}

export const adapters: GoldenAdapter[] = [
  { kind: "tasks", component: "xlstm-formal", compute: (c) => answered(c, 0, answers[c.name]!) },
  { kind: "tasks", component: "brackets-formal", compute: brackets },
  { kind: "tasks", component: "group-word-problem", compute: groupWords },
  { kind: "tasks", component: "event-xor", compute: eventXor },
];
