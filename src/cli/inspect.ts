import { resolve } from "node:path";
import {
  diagnoseFit,
  type Inspection,
  inspect,
  type OverfittingGap,
  sampleOf,
  tensorNames,
} from "../analysis/index.ts";
import { openRun, type Run, readMetrics } from "../checkpoints/index.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import { putParameters } from "../generate/index.ts";
import { renderInspection, type TrainingHistory } from "../report/index.ts";
import { type BuiltModel, buildSpec } from "../spec/index.ts";
import { assertWritable } from "./comparison-folder.ts";
import { type CallOf, defineSeqlabCommand } from "./frame/command.ts";
import { printData, printJson } from "./frame/output.ts";
import { numberIn, wholeNumber } from "./frame/values.ts";
import { packageVersion } from "./frame/version.ts";
import { inspectionText } from "./inspect-text.ts";
import { type Shown, shownOptions, shownText } from "./inspected-text.ts";
import { measuredGap } from "./overfitting-gap.ts";
import { writeReport } from "./report-file.ts";
import { readRunInfo, type TrainedRun } from "./run-info.ts";
import { readWeights, weightOptions } from "./run-weights.ts";
import { engineOption } from "./training-options.ts";

const inspectOptions = {
  ...shownOptions,
  tensor: {
    type: "string",
    valueHint: "NAMES",
    description: "internal tensors whose values are fetched too, separated by commas",
  },
  "list-tensors": {
    type: "boolean",
    description: "print the names of all internal tensors, and nothing else",
    default: false,
  },
  report: { type: "string", valueHint: "FILE", description: "the page", default: "seqlab-inspect.html" },
  ...weightOptions,
  runs: { type: "string", valueHint: "DIR", description: "folder of the runs", default: "runs" },
  engine: { ...engineOption, description: `${engineOption.description} (default: the run's)` },
} as const;

type Call = CallOf<typeof inspectOptions>;

export const inspectCommand = defineSeqlabCommand({
  name: "inspect",
  summary: "a trained run seen from inside: attention, gradients, states, answers by layer",
  about: [
    "Reads one text with a run's weights and shows what happens inside: how surprising each token was, what every layer would have answered (last norm and head over its residual stream), attention maps and entropies per head, gradient norms per layer and parameter, saturated gates and activations, norms of residual stream and recurrent states, alignments of encoder–decoders. Writes a page and prints a summary.",
    "Next-token models read the text and are asked for the token behind each. Of masked models a share of the tokens is hidden. Encoder–decoders read --text as the source; --target, or their own answer, is what they are asked for. Nothing is dropped or drawn: the same call gives the same numbers.",
  ],
  operands: [{ name: "RUN", count: "one", description: "name of a run of seqlab train; seqlab runs lists them" }],
  options: inspectOptions,
  examples: [
    {
      command: 'seqlab inspect llama-1 --text "Call me Ishmael. Some years ago"',
      effect: "a page, seqlab-inspect.html",
    },
    { command: "seqlab inspect g2p-1 --text phone --json > phone.json", effect: "alignments and all else as JSON" },
    {
      command: 'seqlab inspect llama-1 --text "Call me" --tensor layers.0.stream,layers.1.mixer/softmax.0 --json',
      effect: "values of two internal tensors as well; --list-tensors names them all",
    },
  ],
  async run({ args, operands: [name] }) {
    const run = openRun(args.runs, name!);
    const stored = readRunInfo(run);
    if (!args["list-tensors"]) assertWritable(args.report);
    const built = buildSpec(stored.spec, { tokens: stored.tokens });
    const weights = readWeights(run, args);
    const engine = await createEngine(args.engine ?? stored.protocol.engine, stored.protocol);
    try {
      await putParameters(engine, built.model, weights);
      const shown = await shownText(args, { stored, built, engine });
      const work = { args, run, stored, built, engine, shown };
      await (args["list-tensors"] ? listTensors(work) : look(work));
    } finally {
      await engine.close();
    }
  },
});

interface Work {
  args: Call["args"];
  run: Run;
  stored: TrainedRun;
  built: BuiltModel;
  engine: Engine;
  shown: Shown;
}

const maskingOf = (args: Call["args"]) => ({
  hidden: numberIn("hidden", args.hidden, { above: 0, most: 1 }),
  seed: wholeNumber("seed", args.seed, { least: 0, most: 2 ** 32 - 1 }),
});

function listTensors({ args, built, shown }: Work): void {
  const names = tensorNames(built, sampleOf(built, { ...shown, ...maskingOf(args) }));
  if (args.json) printJson(names);
  else printData(names.map(({ name, shape }) => `${name}\t${shape.join(" × ")}\n`).join(""));
}

async function look({ args, run, stored, built, engine, shown }: Work): Promise<void> {
  const tensors = args.tensor?.split(",").map((name) => name.trim()) ?? [];
  const inspection = await inspect(engine, built, { ...shown, ...maskingOf(args), tensors });
  const measured = await measuredGap(stored, { built, engine });
  const notes = [...shown.notes, ...noteOf(inspection, args), ...measured.notes];
  const history = historyOf(run, measured.gap);
  writeReport(
    args.report,
    renderInspection({
      run: run.name,
      weights: weightsText(args),
      inspection,
      history,
      notes,
      seqlab: packageVersion(),
    }),
  );
  if (args.json) printJson({ run: run.name, weights: weightsText(args), notes, ...inspection, fit: history.diagnosis });
  else printData(inspectionText(inspection, { ...measured, report: resolve(args.report), notes }));
}

/** Objectives that hide a part of the text from the model. */
const hiding = new Set(["masked-diffusion", "masked-lm", "d3pm"]);

function noteOf({ model }: Inspection, { hidden, seed }: Call["args"]): string[] {
  return hiding.has(model.objective)
    ? [`A share of ${hidden} of the tokens was hidden (--hidden), those of seed ${seed}.`]
    : [];
}

function weightsText({ step, average }: Call["args"]): string {
  if (average !== undefined) return `the mean of the newest ${average} checkpoints`;
  return step === undefined ? "the newest checkpoint" : `step ${step}`;
}

/** The run's losses so far. */
function historyOf(run: Run, gap: OverfittingGap | undefined): TrainingHistory {
  const records = readMetrics(run);
  const training = records.flatMap(({ step, loss }) => (typeof loss === "number" ? [{ step, loss }] : []));
  const validation = records.flatMap(({ step, bitsPerByte, split }) =>
    typeof bitsPerByte === "number" && split === undefined ? [{ step, bitsPerByte }] : [],
  );
  return { training, validation, diagnosis: diagnoseFit({ training, validation }, gap) };
}
