/** Scores of answers that are no texts: labels, numbers, signals. Each is a list with one entry an answer. */
import { accuracy, balancedAccuracy, cohenKappa, confusionOf, matthews } from "./classification/confusion.ts";
import { averageFScore } from "./classification/f-scores.ts";
import { assertLength, assertSome } from "./classification/labelled.ts";
import {
  determination,
  meanAbsoluteError,
  meanAbsolutePercentageError,
  meanSquaredError,
  rootMeanSquaredError,
  symmetricPercentageError,
} from "./forecasting/point-errors.ts";
import { type Recovered, signalToNoise, siSdr, siSdrImprovement } from "./signals/separation.ts";

/** One number and how it is read. */
export interface ValueScore {
  readonly name: string;
  readonly score: number;
  readonly unit: "%" | "dB" | "";
  readonly better: "higher" | "lower";
}

const higher = (name: string, score: number, unit: ValueScore["unit"] = ""): ValueScore => ({
  ...{ name, score, unit },
  better: "higher",
});
const lower = (name: string, score: number, unit: ValueScore["unit"] = ""): ValueScore => ({
  ...{ name, score, unit },
  better: "lower",
});

/**
 * Accuracy, balanced accuracy (mean recall of the classes that occur), macro F1 over all classes of both lists, Matthews'
 * coefficient and Cohen's kappa. Throws E_METRIC_INPUT.
 */
export function scoreLabels({ truth, predicted }: Record<"truth" | "predicted", readonly string[]>): ValueScore[] {
  assertSome("truth", truth.length);
  assertLength("predicted", predicted.length, truth.length);
  const classes = new Map([...new Set([...truth, ...predicted])].sort().map((label, i) => [label, i]));
  const ids = (labels: readonly string[]) => labels.map((label) => classes.get(label)!);
  const confusion = confusionOf({ truth: ids(truth), predicted: ids(predicted), classes: classes.size });
  return [
    higher("accuracy", 100 * accuracy(confusion), "%"),
    higher("balanced accuracy", 100 * balancedAccuracy(confusion), "%"),
    higher("F1 (macro)", 100 * averageFScore(confusion, "macro").f1, "%"),
    higher("Matthews", matthews(confusion)),
    higher("kappa", cohenKappa(confusion)),
  ];
}

/** MAE, MSE, RMSE, MAPE (times with 0 left out), sMAPE (0 to 200 %) and R². Throws E_METRIC_INPUT. */
export function scoreNumbers({ truth, predicted }: Record<"truth" | "predicted", ArrayLike<number>>): ValueScore[] {
  const forecast = { y: truth, f: predicted };
  return [
    lower("MAE", meanAbsoluteError(forecast)),
    lower("MSE", meanSquaredError(forecast)),
    lower("RMSE", rootMeanSquaredError(forecast)),
    lower("MAPE", 100 * meanAbsolutePercentageError(forecast), "%"),
    lower("sMAPE", 100 * symmetricPercentageError(forecast, { scale: "double" }), "%"),
    higher("R²", determination(forecast)),
  ];
}

/** SNR, SI-SDR and, where the mixture is known, its improvement. Throws E_METRIC_INPUT. */
export function scoreSignals({ mixture, ...recovered }: Recovered & { mixture?: ArrayLike<number> }): ValueScore[] {
  return [
    higher("SNR", signalToNoise(recovered), "dB"),
    higher("SI-SDR", siSdr(recovered), "dB"),
    ...(mixture ? [higher("SI-SDRi", siSdrImprovement({ ...recovered, mixture }), "dB")] : []),
  ];
}
