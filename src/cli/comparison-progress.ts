/** A comparison's events as lines: its plan, the job that runs, and what each job found. */
import type { ComparisonEvent } from "../analysis/index.ts";
import { bitsPerByte, duration, threeDigits, whole } from "../report/index.ts";
import type { Score } from "../tasks/index.ts";
import { ComparisonClock } from "./comparison-clock.ts";
import { createProgress, type Progress } from "./progress.ts";

type Of<K extends ComparisonEvent["kind"]> = Extract<ComparisonEvent, { kind: K }>;

interface Size {
  models: number;
  seeds: number;
  /** Whether each model is timed first. */
  trials: boolean;
}

export interface ComparisonProgress {
  show(event: ComparisonEvent): void;
  end(): void;
}

export function createComparisonProgress(
  { models, seeds, trials }: Size,
  progress: Progress = createProgress(),
): ComparisonProgress {
  const clock = new ComparisonClock({
    jobs: { trial: trials ? models : 0, train: models * seeds, decode: models, sample: 2 },
  });
  const showers: { [K in ComparisonEvent["kind"]]: (event: Of<K>) => void } = {
    prepare: ({ what }) =>
      progress.note(
        what === "data" ? "Reading the data." : `Bringing ${models === 1 ? "the model" : `${models} models`} to size.`,
      ),
    plan: (event) => planLines(event).forEach((line) => void progress.note(line)),
    start: (event) => {
      clock.start(event.job.kind);
      showWork(event);
    },
    progress: (event) => {
      if (event.progress.stage === undefined) clock.progress(event.progress.done / event.progress.total);
      showWork(event);
    },
    end: (event) => {
      clock.end(event);
      progress.note(`${labelOf(event)}: ${outcomeText(event)}${event.reused ? " (done before)" : ""}`);
    },
  };
  const showWork = (event: Of<"start"> | Of<"progress">) => {
    const far = event.kind === "progress" ? event.progress : {};
    progress.update({ label: labelOf(event), ...far, remainingSeconds: clock.remainingSeconds() });
  };
  return {
    show: (event) => (showers[event.kind] as (event: ComparisonEvent) => void)(event),
    end: () => progress.end(),
  };
}

function planLines({ models, steps }: Of<"plan">): string[] {
  const width = Math.max(...models.map(({ spec }) => spec.name.length));
  return models.map(({ spec, tuned, reached }) => {
    const dials = Object.entries(tuned).map(([key, value]) => `${key} ${value}`);
    return `  ${spec.name.padEnd(width)}  ${[whole(reached), ...dials, `${whole(steps[spec.name] ?? 0)} steps`].join(", ")}`;
  });
}

/** `[3/29] llama, seed 1`. */
function labelOf({ job, index, jobs }: Of<"start"> | Of<"progress"> | Of<"end">): string {
  const what = {
    train: () => `seed ${"config" in job ? job.config.seed : 0}`,
    trial: () => "trial",
    decode: () => "decoding",
    sample: () => ("weights" in job && job.weights === null ? "writing untrained" : "writing"),
  };
  return `[${index + 1}/${jobs}] ${job.spec.name}, ${what[job.kind]()}`;
}

function outcomeText({ job, outcome }: Of<"end">): string {
  if ("evaluation" in outcome) {
    const { evaluation, tokensPerS, seconds, scores = [] } = outcome;
    const bits = bitsPerByte({ mean: evaluation.bitsPerByte, spread: 0, n: 1, kind: evaluation.kind });
    const parts = [`${bits} bits per ${unitOf(job)}`, ...scores.map(scoreText), `${whole(tokensPerS)} tokens/s`];
    return `${parts.join(", ")}, ${duration(seconds)}`;
  }
  if ("decodeTokensPerS" in outcome) return `${whole(outcome.decodeTokensPerS.mean)} tokens/s`;
  return "text" in outcome ? `${whole(outcome.text.length)} characters` : `${whole(outcome.tokensPerS)} tokens/s`;
}

/** What the bits of a job's evaluation are counted for. */
function unitOf(job: Of<"end">["job"]): string {
  if (!("data" in job) || job.data.kind === "text") return "byte";
  return job.data.description.kind === "synthetic" ? "answer" : "target byte";
}

const scoreText = ({ name, value, unit }: Score): string =>
  `${name} ${threeDigits(unit === "share" ? 100 * value : value)}${unit === "share" || unit === "%" ? " %" : ""}`;
