/**
 * Gradient descent in context: a transformer of two layers whose every round takes one step of least squares on the examples
 * that it reads (Giannou et al. 2023, arXiv 2301.13196, section 5).
 */
import { clear, products } from "./blocks.ts";
import { type Form, featureColumns, type HandWritten, handWritten } from "./hand-written.ts";

export interface Regression {
  /** [n][d] */
  inputs: readonly (readonly number[])[];
  targets: readonly number[];
}

interface Descent {
  examples: number;
  features: number;
  rate: number;
  times: number;
}

const columnsOf = (features: number) =>
  featureColumns({ constant: 1, sink: 1, learner: 1, x: features, y: 1, w: features, predicted: 1 });

/** w ← w + rate / n · Σ_j (y_j − w·x_j) x_j in each of `times` rounds, for this many examples. */
export function contextDescent({ examples, features, rate, times }: Descent): HandWritten {
  const at = columnsOf(features);
  const one = (column: number): Form => [[column, 1]];
  const beside = { sink: at.at("sink"), constant: at.at("constant") };
  const [learner, y, predicted] = [at.at("learner"), at.at("y"), at.at("predicted")];
  const layers = [
    {
      // Every example multiplies its x with the learner's w.
      heads: products({
        ...{ ...beside, query: at.all("x").map(one), key: at.all("w").map(one) },
        reads: [{ value: one(learner), to: one(predicted) }],
      }),
      units: [],
    },
    {
      // The learner sums x weighted by what was missed.
      heads: products({
        ...{
          ...beside,
          query: [one(learner)],
          key: [
            [
              [y, 1],
              [predicted, -1],
            ] as Form,
          ],
          factor: rate / examples,
        },
        reads: at.all("x").map((column, i) => ({ value: one(column), to: one(at.at("w", i)) })),
      }),
      units: clear([predicted]),
    },
  ];
  return handWritten(layers, { width: at.width, times });
}

/** Sink, learner with w = 0, and examples as tokens: [n + 2] rows of features. */
export function loadRegression({ inputs, targets }: Regression): { features: Float32Array; tokens: number } {
  const at = columnsOf(inputs[0]!.length);
  const rows = [new Float32Array(at.width), new Float32Array(at.width)];
  rows[0]![at.at("sink")] = 1;
  rows[1]![at.at("learner")] = 1;
  for (const [i, input] of inputs.entries()) {
    const row = new Float32Array(at.width);
    row.set(input, at.at("x"));
    row[at.at("y")] = targets[i]!;
    rows.push(row);
  }
  for (const row of rows) row[at.at("constant")] = 1;
  return { features: Float32Array.from(rows.flatMap((row) => [...row])), tokens: rows.length };
}

/** The learner's w. */
export function readWeights(features: ArrayLike<number>, size: number): number[] {
  const at = columnsOf(size);
  return at.all("w").map((column) => features[at.width + column]!);
}
