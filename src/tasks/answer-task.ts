import type { Rng } from "../ops/index.ts";
import { defineTask, predicted, type Size, type Task, upTo } from "./task.ts";

/** A task whose sequences are a question, a separator and the answer. */
export interface AnswerTask<C> extends Task<C> {
  question(rng: Rng, size: Size<C>): number[];
  /** The right answer to a question. */
  answer(question: readonly number[], c: C): number[];
}

interface Definition<C>
  extends Pick<AnswerTask<C>, "kind" | "title" | "cite" | "layout" | "config" | "question" | "answer" | "names"> {
  /** Ids in questions and answers; the separator is the next. */
  symbols(c: C): number;
  /** Default: symbols of the question. */
  lengthIs?: string;
  /** Default 1. */
  least?(c: C): number;
  /** Places in question and answer; default: an answer as long as the question. */
  window?(length: number, c: C): number;
  /** Default: every symbol. */
  answers?(c: C): readonly number[];
  /** The id that ends an answer: what stands behind it fills the place and is not scored. */
  end?: number;
}

/** x₁ … xₙ | y₁ … yₘ: read are all but the last, scored are the y. */
export function answerTask<C>(definition: Definition<C>): AnswerTask<C> {
  const { symbols, question, answer, end } = definition;
  const task = defineTask<C>({
    lengthIs: "symbols of the question",
    least: () => 1,
    window: (length) => 2 * length,
    answers: (c) => upTo(symbols(c)),
    ...definition,
    vocabulary: (c) => symbols(c) + 1,
    separator: symbols,
    sample(rng, size) {
      const asked = question(rng, size);
      const answered = answer(asked, size.c);
      const last = end === undefined ? answered.length - 1 : answered.indexOf(end);
      const [first, sequence] = [asked.length + 1, [...asked, symbols(size.c), ...answered]];
      return predicted(sequence, (place) => place >= first && place <= first + last);
    },
  });
  return { ...task, question, answer };
}
