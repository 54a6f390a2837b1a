import { expect, test } from "vitest";
import { createRng } from "../../ops/index.ts";
import { taskSuite } from "../../testing/task-suite.ts";
import { copy } from "./copy.ts";
import { missingDuplicate } from "./missing-duplicate.ts";
import { oddsFirst } from "./odds-first.ts";
import { reversal } from "./reversal.ts";
import { sort } from "./sort.ts";
import { stack } from "./stack.ts";

/** What was read, as question and the beginning of the answer. */
function parted(read: readonly number[], separator: number) {
  const place = read.indexOf(separator);
  return { question: read.slice(0, place), written: read.length - place - 1 };
}

taskSuite(copy, {
  configs: [
    { c: {}, lengths: [3, 9] },
    { c: { symbols: 2, times: 3 }, lengths: [7] },
  ],
  solve(read, { symbols }) {
    const { question, written } = parted(read, symbols);
    return question[written % question.length];
  },
});

taskSuite(reversal, {
  configs: [{ c: { symbols: 3 }, lengths: [5, 12] }],
  solve(read, { symbols }) {
    const { question, written } = parted(read, symbols);
    return question[question.length - 1 - written];
  },
});

taskSuite(sort, {
  configs: [{ c: {}, lengths: [4, 15] }],
  solve(read, { symbols }) {
    const { question, written } = parted(read, symbols);
    // The smallest symbol that is not used up by what stands before the place.
    return question.find(
      (x) => question.filter((y) => y < x).length <= written && question.filter((y) => y <= x).length > written,
    );
  },
});

taskSuite(oddsFirst, {
  configs: [{ c: { symbols: 4 }, lengths: [5, 8] }],
  solve(read, { symbols }) {
    const { question, written } = parted(read, symbols);
    const odds = Math.floor(question.length / 2);
    return question[written < odds ? 2 * written + 1 : 2 * (written - odds)];
  },
});

taskSuite(missingDuplicate, {
  configs: [{ c: {}, lengths: [12, 13] }],
  solve(read) {
    const { question } = parted(read, 4);
    const half = Math.floor(question.length / 2);
    const [first, second] = [question.slice(0, half), question.slice(half, 2 * half)];
    return first.includes(2) ? second[first.indexOf(2)] : first[second.indexOf(2)];
  },
});

taskSuite(stack, {
  configs: [{ c: {}, lengths: [7, 12] }],
  solve(read) {
    const { question, written } = parted(read, 5);
    const text = question.reduce((held, id) => (id === 2 ? held.slice(0, -1) : held + (id % 3)), "");
    return [...text].reverse().map(Number)[written] ?? 2;
  },
});

test("[copy-reverse-sort] whole sequences, read back", () => {
  const size = { length: 4, c: { symbols: 8, times: 1 } };
  const sequence = (task: typeof copy | typeof reversal | typeof sort) => {
    const { inputs, targets } = task.sample(createRng(3), size);
    return [...inputs, targets.at(-1)!];
  };
  const given = sequence(copy).slice(0, 4);
  expect(sequence(copy)).toEqual([...given, 8, ...given]);
  expect(sequence(reversal)).toEqual([...given, 8, ...given.toReversed()]);
  expect(sequence(sort)).toEqual([...given, 8, ...given.toSorted()]);
});
