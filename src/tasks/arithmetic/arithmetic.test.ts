import { describe, expect, test } from "vitest";
import { createRng } from "../../ops/index.ts";
import { taskSuite } from "../../testing/task-suite.ts";
import { addition } from "./addition.ts";
import { binaryAddition } from "./binary-addition.ts";
import { binaryMultiplication } from "./binary-multiplication.ts";
import { equation } from "./equation.ts";
import { modularAddition } from "./modular-addition.ts";
import { modularArithmetic } from "./modular-arithmetic.ts";
import { modularBrackets } from "./modular-brackets.ts";
import { squareRoot } from "./square-root.ts";

/** What was read, as question and the beginning of the answer. */
function parted(read: readonly number[], separator: number) {
  const place = read.lastIndexOf(separator);
  return { question: read.slice(0, place), written: read.length - place - 1 };
}

const modulo = (x: number, m: number) => ((x % m) + m) % m;

taskSuite(addition, {
  configs: [
    { c: {}, lengths: [1, 5] },
    { c: { base: 3, order: "little" }, lengths: [4] },
  ],
  solve(read, { base, order }) {
    const { question, written } = parted(read, base + 1);
    const n = (question.length - 1) / 2;
    const number = (digits: number[]) =>
      Number.parseInt((order === "big" ? digits : digits.toReversed()).join(""), base);
    const digits = [
      ...(number(question.slice(0, n)) + number(question.slice(n + 1))).toString(base).padStart(n + 1, "0"),
    ];
    return Number((order === "big" ? digits : digits.reverse())[written]);
  },
});

taskSuite(modularAddition, {
  configs: [
    { c: {}, lengths: [2, 6] },
    { c: { modulus: 5, terms: 2 }, lengths: [6] },
  ],
  solve: (read, { modulus, terms }) => {
    const places = terms ?? read.length - 1;
    return read.slice(0, places).reduce((state, x) => [...Array(x).keys()].reduce((s) => (s + 1) % modulus, state), 0);
  },
});

taskSuite(modularArithmetic, {
  configs: [
    { c: {}, lengths: [7, 16] },
    { c: { modulus: 3 }, lengths: [9] },
  ],
  solve(read, { modulus }) {
    const text = read
      .slice(0, -1)
      .map((id) => "+-*"[id - modulus] ?? String(id))
      .join("");
    const product = (factors: string) =>
      factors
        .split("*")
        .map(Number)
        .reduce((a, b) => a * b);
    const sums = text.split("+").map((part) =>
      part
        .split("-")
        .map(product)
        .reduce((a, b) => a - b),
    );
    return modulo(
      sums.reduce((a, b) => a + b),
      modulus,
    );
  },
});

/** The value of a text by working from the innermost brackets outwards. */
function evaluateText(text: string, modulus: number): number {
  let rest = text;
  while (rest.includes("(")) {
    rest = rest.replace(/\(([^()]*)\)/, (_, inner: string) => {
      const [, left, operator = "+", right = "0"] = /^(-?\d+)(?:([-+*])(-?\d+))?$/.exec(inner)!;
      const [a, b] = [Number(left), Number(right)];
      return String(modulo(operator === "*" ? a * b : operator === "+" ? a + b : a - b, modulus));
    });
  }
  return modulo(Number(rest), modulus);
}

taskSuite(modularBrackets, {
  configs: [
    { c: {}, lengths: [6, 20] },
    { c: { products: true, modulus: 4 }, lengths: [17] },
  ],
  solve: (read, { modulus }) =>
    evaluateText(
      read
        .slice(0, -1)
        .map((id) => "+-*()"[id - modulus] ?? String(id))
        .join(""),
      modulus,
    ),
});

taskSuite(equation, {
  configs: [
    { c: {}, lengths: [8, 17] },
    { c: { modulus: 7 }, lengths: [12] },
  ],
  solve(read, { modulus }) {
    const [value, text] = [
      read.at(-2)!,
      read
        .slice(0, -3)
        .map((id) => "+-()x"[id - modulus] ?? String(id))
        .join(""),
    ];
    const fits = [...Array(modulus).keys()].filter(
      (x) => evaluateText(text.replace("x", String(x)), modulus) === value,
    );
    expect(fits).toHaveLength(1);
    return fits[0];
  },
});

/** A number of bits, lowest first, as decimal. */
const decimal = (bits: readonly number[]) => bits.reduce((sum, bit, place) => sum + bit * 2 ** place, 0);

function solveBinary(read: readonly number[], combine: (a: number, b: number) => number): number {
  const { question, written } = parted(read, 3);
  const mark = question.indexOf(2);
  const value = combine(decimal(question.slice(0, mark)), decimal(question.slice(mark + 1)));
  if (written > 0 && 2 ** written > value) return 2;
  return Math.floor(value / 2 ** written) % 2;
}

taskSuite(binaryAddition, {
  configs: [{ c: {}, lengths: [7, 16] }],
  solve: (read) => solveBinary(read, (a, b) => a + b),
});
taskSuite(binaryMultiplication, {
  configs: [{ c: {}, lengths: [8, 16] }],
  solve: (read) => solveBinary(read, (a, b) => a * b),
});

taskSuite(squareRoot, {
  configs: [{ c: {}, lengths: [8, 15] }],
  solve(read) {
    const { question, written } = parted(read, 2);
    const root = Math.floor(Math.sqrt(decimal(question.toReversed())));
    return Math.floor(root / 2 ** (Math.ceil(question.length / 2) - 1 - written)) % 2;
  },
});

describe("rows", () => {
  test("[sparse-mod-add] all terms are the plain modular sum; fewer ignore the rest", () => {
    for (let seed = 0; seed < 50; seed++) {
      const [plain, every, sparse] = [null, 6, 2].map((terms) =>
        modularAddition.sample(createRng(seed), { length: 6, c: { modulus: 11, terms } }),
      );
      expect(every).toEqual(plain);
      expect(sparse!.inputs).toEqual(plain!.inputs);
      const inputs = [...plain!.inputs];
      expect(sparse!.targets.at(-1)).toBe((inputs[0]! + inputs[1]!) % 11);
      expect(plain!.targets.at(-1)).toBe(inputs.slice(0, 6).reduce((sum, x) => sum + x, 0) % 11);
    }
  });

  test("a sum carries through nines", () => {
    const c = { base: 10, order: "big" } as const;
    expect(addition.answer([5, 5, 5, 10, 4, 4, 5], c)).toEqual([1, 0, 0, 0]);
    expect(addition.answer([9, 9, 10, 9, 9], { base: 10, order: "little" })).toEqual([8, 9, 1]);
  });
});
