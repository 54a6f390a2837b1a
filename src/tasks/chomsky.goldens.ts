/** The 15 tasks of Delétang et al. 2023: our answers to the authors' questions. */
import type { GoldenAdapter, GoldenCase } from "../testing/goldens/index.ts";
import type { AnswerTask } from "./answer-task.ts";
import { binaryAddition } from "./arithmetic/binary-addition.ts";
import { binaryMultiplication } from "./arithmetic/binary-multiplication.ts";
import { equation } from "./arithmetic/equation.ts";
import { modularArithmetic } from "./arithmetic/modular-arithmetic.ts";
import { modularBrackets } from "./arithmetic/modular-brackets.ts";
import { squareRoot } from "./arithmetic/square-root.ts";
import { rowsOf } from "./goldens.fixture.ts";
import { cycleNavigation } from "./state/cycle-navigation.ts";
import { evenPairs } from "./state/even-pairs.ts";
import { parity } from "./state/parity.ts";
import { copy } from "./strings/copy.ts";
import { missingDuplicate } from "./strings/missing-duplicate.ts";
import { oddsFirst } from "./strings/odds-first.ts";
import { reversal } from "./strings/reversal.ts";
import { sort } from "./strings/sort.ts";
import { stack } from "./strings/stack.ts";

type Answer = (question: readonly number[]) => number[];

const by =
  <C>(task: AnswerTask<C>, settings: Partial<C> = {}): Answer =>
  (question) =>
    task.answer(question, task.config.parse(settings));

/** Our tasks under the authors' names. */
const answers: Readonly<Record<string, Answer>> = {
  "even-pairs": by(evenPairs),
  "parity-check": by(parity),
  "cycle-navigation": by(cycleNavigation),
  "modular-arithmetic": by(modularArithmetic),
  "modular-arithmetic-brackets": by(modularBrackets),
  "reverse-string": by(reversal),
  "stack-manipulation": by(stack),
  "solve-equation": by(equation),
  "binary-addition": by(binaryAddition),
  "binary-multiplication": by(binaryMultiplication),
  "bucket-sort": by(sort),
  "compute-sqrt": by(squareRoot),
  "duplicate-string": by(copy, { times: 2 }),
  "missing-duplicate-string": by(missingDuplicate),
  "odds-first": by(oddsFirst),
};

const compute = (c: GoldenCase) => ({ "out.y": rowsOf(c, "in.x").flatMap(answers[c.name]!) });

export const adapters: GoldenAdapter[] = [{ kind: "tasks", component: "chomsky", compute }];
