import { type BleuOptions, bleu } from "./bleu.ts";
import { chrf } from "./chrf.ts";
import { type ErrorUnit, errorRates } from "./error-rates.ts";
import { defaultRougeKinds, rouge } from "./rouge.ts";
import { type ScoredText, segmentsOf } from "./scored-text.ts";
import { signatureOf } from "./signature.ts";
import { ter } from "./ter.ts";

/** What a generated text can be scored by. */
export const textMetrics = ["bleu", "chrf", "chrf++", "ter", "wer", "cer", "rouge"] as const;

export type TextMetric = (typeof textMetrics)[number];

export interface TextScoreOptions {
  /** Default all. */
  readonly metrics?: readonly TextMetric[];
  /** BLEU's settings; `lowercase` is for all metrics. */
  readonly bleu?: Omit<BleuOptions, "lowercase">;
  /** Ignores case also where the metric by itself does not. TER and ROUGE always do. */
  readonly lowercase?: boolean;
  /** Porter's stemmer for ROUGE. */
  readonly stem?: boolean;
}

/** One number under the name and the signature by which it can be compared with others. */
export interface NamedScore {
  /** BLEU, chrF2, chrF2++, TER, WER, CER, ROUGE-1, ROUGE-2, ROUGE-L (F). */
  readonly name: string;
  /** In percent; error rates (TER, WER, CER) may exceed 100. */
  readonly score: number;
  readonly better: "higher" | "lower";
  readonly signature: string;
  /** What the score is made of. */
  readonly parts: Readonly<Record<string, number | readonly number[]>>;
}

/** Scores of a whole text, in the order of the metrics. Throws E_SCORE_TEXT, E_SCORE_OPTION. */
export function scoreText(text: ScoredText, options: TextScoreOptions = {}): NamedScore[] {
  return (options.metrics ?? textMetrics).flatMap((metric) => scorers[metric](text, options));
}

/** The same for each segment by itself. BLEU of single sentences wants `effectiveOrder`. */
export function scoreSegments(text: ScoredText, options: TextScoreOptions = {}): NamedScore[][] {
  return segmentsOf(text).map(({ hypothesis, references }) =>
    scoreText({ hypotheses: [hypothesis], references: [references] }, options),
  );
}

type Scorer = (text: ScoredText, options: TextScoreOptions) => NamedScore[];

const scorers: Readonly<Record<TextMetric, Scorer>> = {
  bleu: scoreBleu,
  chrf: (text, options) => scoreChrf(text, options, 0),
  "chrf++": (text, options) => scoreChrf(text, options, 2),
  ter(text) {
    const { score, signature, ...parts } = ter(text);
    return [{ name: "TER", score, better: "lower", signature, parts }];
  },
  wer: (text, options) => scoreErrors(text, options, "word"),
  cer: (text, options) => scoreErrors(text, options, "character"),
  rouge: scoreRouge,
};

function scoreBleu(text: ScoredText, options: TextScoreOptions): NamedScore[] {
  const { score, signature, ...parts } = bleu(text, { ...options.bleu, lowercase: options.lowercase ?? false });
  const order = options.bleu?.maxOrder ?? 4;
  return [{ name: order === 4 ? "BLEU" : `BLEU-${order}`, score, better: "higher", signature, parts: { ...parts } }];
}

function scoreChrf(text: ScoredText, { lowercase = false }: TextScoreOptions, wordOrder: number): NamedScore[] {
  const { name, score, signature } = chrf(text, { wordOrder, lowercase });
  return [{ name, score, better: "higher", signature, parts: {} }];
}

function scoreErrors(text: ScoredText, { lowercase = false }: TextScoreOptions, unit: ErrorUnit): NamedScore[] {
  const { rate, ...parts } = errorRates(lowercase ? inLowerCase(text) : text, { unit });
  const signature = signatureOf(text.references, { case: lowercase ? "lc" : "mixed", unit }, "jiwer");
  const name = unit === "word" ? "WER" : "CER";
  return [{ name, score: 100 * rate, better: "lower", signature, parts }];
}

const inLowerCase = ({ hypotheses, references }: ScoredText): ScoredText => ({
  hypotheses: hypotheses.map((line) => line.toLowerCase()),
  references: references.map((lines) => lines.map((line) => line.toLowerCase())),
});

function scoreRouge(text: ScoredText, { stem = false }: TextScoreOptions): NamedScore[] {
  const scores = rouge(text, { stem });
  const signature = signatureOf(text.references, { case: "lc", stem, mean: "segments" }, "rouge-score");
  return defaultRougeKinds.map((kind) => {
    const { f, precision, recall } = scores[kind]!;
    return {
      name: kind.replace("rouge", "ROUGE-"),
      score: 100 * f,
      better: "higher",
      signature,
      parts: { precision: 100 * precision, recall: 100 * recall },
    };
  });
}
