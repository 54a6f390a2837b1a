/** ListOps: nested lists with an operator each. Digits 0 … 9 are themselves, then [MIN [MAX [MED [SM and ]. */
import { z } from "zod";
import type { Rng } from "../../ops/index.ts";
import { fail } from "../../tensor/index.ts";
import { answerTask } from "../answer-task.ts";
import type { Size } from "../task.ts";

const operators: readonly ((values: readonly number[]) => number)[] = [
  (values) => Math.min(...values),
  (values) => Math.max(...values),
  median,
  (values) => values.reduce((sum, value) => sum + value, 0) % 10,
];

/** Symbols as the authors write them, by id. */
export const listopsSymbols: readonly string[] = [..."0123456789", "[MIN", "[MAX", "[MED", "[SM", "]"];
const [firstOperator, close] = [10, 14];

/** Of an even count: the mean of the middle two, cut to a whole number. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return Math.floor((sorted[Math.ceil(middle - 1)]! + sorted[Math.floor(middle)]!) / 2);
}

/** The value of an expression. */
export function evaluate(expression: readonly number[]): number {
  const lists: { operator: number; values: number[] }[] = [{ operator: 0, values: [] }];
  for (const id of expression) {
    if (id < firstOperator) lists.at(-1)!.values.push(id);
    else if (id < close) lists.push({ operator: id - firstOperator, values: [] });
    else {
      const { operator, values } = lists.pop()!;
      lists.at(-1)!.values.push(operators[operator]!(values));
    }
  }
  return lists[0]!.values[0]!;
}

interface Shape {
  depth: number;
  values: number;
}

export const listops = answerTask({
  kind: "listops",
  title: "ListOps",
  cite: { arxiv: "1804.06028", by: "Nangia & Bowman 2018" },
  layout: "[MAX 2 [MIN 4 7 ] 9 ] | → 9",
  config: z.strictObject({
    depth: z.int().min(2).default(6).describe("deepest nesting, digits included"),
    values: z.int().min(2).default(5).describe("most values in a list"),
  }),
  lengthIs: "most symbols of the expression; at least half as many are drawn",
  symbols: () => listopsSymbols.length,
  least: () => 4,
  window: (length) => length + 1,
  answers: () => Array.from({ length: 10 }, (_, digit) => digit),
  question: drawFitting,
  answer: (expression) => [evaluate(expression)],
});

const attempts = 100_000;

/** Draws until a list has a fitting length, as the authors do. */
function drawFitting(rng: Rng, { length, c }: Size<Shape>): number[] {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const drawn: number[] = [];
    drawList(rng, drawn, { depth: 1, most: length, c });
    if (drawn.length <= length && drawn.length >= Math.max(4, length / 2)) return drawn;
  }
  const [where, code] = ["task.listops", "E_TASK_LENGTH"] as const;
  const got = `a length of ${length}`;
  return fail({ code, where, expected: `lists of depth ${c.depth} that long`, got, hint: "Allow more depth." });
}

interface Place {
  /** Of this node; the whole expression has 1. */
  depth: number;
  /** Symbols beyond which the draw is given up. */
  most: number;
  c: Shape;
}

/** A list with 2 or more values; a value is a list with probability 1/4 where depth allows. */
function drawList(rng: Rng, into: number[], { depth, most, c }: Place): void {
  into.push(firstOperator + rng.below(close - firstOperator));
  const values = 2 + rng.below(c.values - 1);
  for (let i = 0; i < values && into.length <= most; i++) {
    if (depth + 1 < c.depth && rng.below(4) === 0) drawList(rng, into, { depth: depth + 1, most, c });
    else into.push(rng.below(10));
  }
  into.push(close);
}
