import type { ArgsDef } from "citty";
import { counted, decimals3, duration, threeDigits, whole } from "../report/index.ts";
import { shippedSpecs } from "../spec/index.ts";
import { dataOptions } from "./data-options.ts";
import { defineSeqlabCommand } from "./frame/command.ts";
import { Interrupted, listenForInterrupts } from "./frame/interrupt.ts";
import { note, printData, printJson } from "./frame/output.ts";
import { commandLine } from "./frame/shell.ts";
import { type TrainingSummary, trainRun } from "./train-run.ts";
import { trainingOptions } from "./training-options.ts";
import { reopenRun, startRun } from "./training-setup.ts";

export const trainOptions = {
  ...dataOptions,
  steps: { type: "string", valueHint: "N", description: "optimizer steps (default: 1000)" },
  tokens: { type: "string", valueHint: "N", description: "training tokens instead of steps, such as 2M" },
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
    description: "steps between checkpoints; the last two are kept",
    default: "500",
  },
  "evaluate-every": {
    type: "string",
    valueHint: "N",
    description: "steps between evaluations on 64 validation windows",
    default: "250",
  },
  engine: {
    type: "enum",
    options: ["node", "reference"],
    description: "node: ONNX Runtime; reference: plain loops, slow",
    default: "node",
  },
} as const satisfies ArgsDef;

export const trainCommand = defineSeqlabCommand({
  name: "train",
  summary: "train one architecture; checkpoints, resume",
  about: [
    "Writes a run: a folder with run.json (spec, data, settings), metrics.jsonl and checkpoints. Ctrl-C finishes the step, saves, and prints the command that resumes; a resumed run ends with the same bytes as one that was never interrupted.",
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

/** The option by which another command finds the run. */
const inFolder = (runs: string): string[] => (runs === "runs" ? [] : ["--runs", runs]);

function summaryText(
  { run, path, step, tokens, loss, evaluation, params, tokensPerS, seconds }: TrainingSummary,
  runs: string,
): string {
  const bound = evaluation?.kind === "upper-bound" ? "≤ " : "";
  const lines = [
    `run          ${run} (${path})`,
    `trained      ${counted(step, "step")}, ${whole(tokens)} tokens, ${whole(params)} parameters`,
    ...(loss === undefined ? [] : [`last loss    ${decimals3(loss)} nats per token`]),
    ...(evaluation === undefined ? [] : [`validation   ${bound}${decimals3(evaluation.bitsPerByte)} bits per byte`]),
    ...(tokensPerS > 0
      ? [
          `speed        ${tokensPerS >= 100 ? whole(tokensPerS) : threeDigits(tokensPerS)} tokens/s, ${duration(seconds)} in all`,
        ]
      : []),
    `write        ${commandLine(["generate", run, ...inFolder(runs), "--prompt", "The"])}`,
  ];
  return lines.map((line) => `${line}\n`).join("");
}
