import type { ArgsDef } from "citty";
import { shippedSpecs } from "../spec/index.ts";
import { dataOptions } from "./data-options.ts";
import { defineSeqlabCommand } from "./frame/command.ts";
import { Interrupted, listenForInterrupts } from "./frame/interrupt.ts";
import { note, printData, printJson } from "./frame/output.ts";
import { commandLine } from "./frame/shell.ts";
import { taskOptions } from "./task-options.ts";
import { type TrainingSummary, trainRun } from "./train-run.ts";
import { inFolder, summaryText } from "./train-summary.ts";
import { trainingOptions } from "./training-options.ts";
import { reopenRun, startRun } from "./training-setup.ts";

export const trainOptions = {
  ...dataOptions,
  ...taskOptions,
  steps: { type: "string", valueHint: "N", description: "optimizer steps (default: 1000)" },
  tokens: {
    type: "string",
    valueHint: "N",
    description: "training tokens (of pairs: target tokens) instead of steps, such as 2M",
  },
  ...trainingOptions,
  seed: { type: "string", valueHint: "N", description: "seed of initialisation, batches and draws", default: "0" },
  name: { type: "string", valueHint: "NAME", description: "name of the run (default: the spec's name and a number)" },
  runs: { type: "string", valueHint: "DIR", description: "folder of the runs", default: "runs" },
  resume: {
    type: "string",
    valueHint: "RUN",
    description: "go on with a run from its newest checkpoint; its settings hold",
  },
  "checkpoint-every": {
    type: "string",
    valueHint: "N",
    description: "steps between checkpoints",
    default: "500",
  },
  keep: { type: "string", valueHint: "N", description: "newest checkpoints that are kept (default: 2, or --average)" },
  average: {
    type: "string",
    valueHint: "N",
    description: "evaluate the mean of the newest N checkpoints at the end (Vaswani et al. 2017, section 6.1)",
    default: "1",
  },
  "score-examples": {
    type: "string",
    valueHint: "N",
    description:
      "with --task: validation examples that are answered for the scores at the end; 0 for none (default: all)",
  },
  "evaluate-every": {
    type: "string",
    valueHint: "N",
    description: "steps between evaluations on 64 validation windows",
    default: "250",
  },
  patience: {
    type: "string",
    valueHint: "N",
    description: "end when this many evaluations in a row brought no improvement (default: never)",
  },
  plateau: {
    type: "string",
    valueHint: "K=V,…",
    description:
      "lower the step size where evaluations no longer improve, such as factor=0.5,patience=3 (default: never)",
  },
  "keep-best": {
    type: "boolean",
    description: "keep the checkpoint of the best evaluation, as a run named best in the run's folder",
    default: false,
  },
  "steps-per-call": {
    type: "string",
    valueHint: "N",
    description: "steps handed to the engine at once; changes no results (default: 1)",
  },
} as const satisfies ArgsDef;

export const trainCommand = defineSeqlabCommand({
  name: "train",
  summary: "train one architecture; checkpoints, resume",
  about: [
    "Writes a run: a folder with run.json (spec, data, settings), metrics.jsonl and checkpoints. Ctrl-C finishes the step, saves, and prints the command that resumes; a resumed run ends with the same bytes as one that was never interrupted.",
    "With --task the data are other than text. Batches of pairs hold at most batch × length source and as many target tokens, padding included, of examples of like length; tokens are counted as what is really predicted.",
  ],
  operands: [
    {
      name: "SPEC",
      count: "optional",
      description: `a shipped spec (${shippedSpecs().join(", ")}) or a file, JSON or YAML; left out with --resume`,
    },
  ],
  options: trainOptions,
  examples: [
    {
      command: "seqlab train llama --data notes.txt --tokens 2M",
      effect: "trains on your own text; the run is called llama-1",
    },
    {
      command: "seqlab train my-spec.yaml --tokenizer char --steps 200 --name try",
      effect: "a short run with characters as tokens",
    },
    { command: "seqlab train --resume try", effect: "goes on where the run was interrupted" },
    {
      command: "seqlab train llama --optimizer muon --schedule warmup-stable-decay --accumulate 4 --remat full",
      effect: "another optimizer and schedule, in a fraction of the memory",
    },
    {
      command: "seqlab train pairs.yaml --task translate --source train.de --target train.en --average 5",
      effect: "an encoder–decoder learns to translate; the end prints BLEU and chrF of the mean of five checkpoints",
    },
    { command: "seqlab train llama --task mqar --length 64 --steps 500", effect: "a synthetic task: is it solved?" },
    {
      command: "seqlab train llama --precision bf16 --evaluate-every 100 --patience 5 --keep-best",
      effect: "as if numbers were kept in bfloat16; ends when validation no longer improves",
    },
  ],
  async run(call) {
    const interrupts = listenForInterrupts(() =>
      note("\nStopping behind this step and saving; Ctrl-C again quits at once."),
    );
    try {
      const prepared = call.args.resume === undefined ? await startRun(call) : await reopenRun(call);
      const summary = await trainRun(prepared, interrupts.signal);
      if (summary.ended === "interrupted") throw interrupted(summary, call.args.runs, interrupts.signal);
      if (call.args.json) printJson(summary);
      else printData(summaryText(summary, call.args.runs));
    } finally {
      interrupts.dispose();
    }
  },
});

function interrupted({ run, step, steps }: TrainingSummary, runs: string, signal: AbortSignal): Interrupted {
  const resume = commandLine(["train", "--resume", run, ...inFolder(runs)]);
  return new Interrupted({ signal, lines: [`Saved at step ${step} of ${steps}. Go on with:`, `  ${resume}`] });
}
