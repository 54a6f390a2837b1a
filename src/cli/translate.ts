import { openRun, type Run } from "../checkpoints/index.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import { alignmentOf, createTranslator, putParameters, showsAlignment, type Translator } from "../generate/index.ts";
import { threeDigits, whole } from "../report/index.ts";
import { type BuiltModel, buildSpec } from "../spec/index.ts";
import type { Codec } from "../tasks/index.ts";
import { fail, SeqlabError } from "../tensor/index.ts";
import { type CallOf, defineSeqlabCommand } from "./frame/command.ts";
import { Interrupted, listenForInterrupts } from "./frame/interrupt.ts";
import { note, printData, printText } from "./frame/output.ts";
import { failUsage } from "./frame/usage-error.ts";
import { numberIn, wholeNumber } from "./frame/values.ts";
import { createProgress } from "./progress.ts";
import { readRunInfo, type TrainedRun } from "./run-info.ts";
import { readWeights, weightOptions } from "./run-weights.ts";
import { lineGroups, type SourceLine } from "./source-lines.ts";
import { engineOption } from "./training-options.ts";
import { alignmentIn, answerOf, lineText, type TranslatedLine } from "./translated-line.ts";

const translateOptions = {
  beams: {
    type: "string",
    valueHint: "N",
    description: "texts that are followed at once; 1 takes the likeliest token each time",
    default: "4",
  },
  "length-penalty": {
    type: "string",
    valueHint: "X",
    description:
      "divides log-probabilities by ((5 + length) / 6)^X before they are compared; 0 compares them as they are",
    default: "0.6",
  },
  "extra-tokens": {
    type: "string",
    valueHint: "N",
    description: "most tokens of an answer beyond its source's number",
    default: "50",
  },
  "n-best": { type: "string", valueHint: "N", description: "the N best answers a line, at most as many as beams" },
  alignments: {
    type: "boolean",
    description: "what every token of an answer looked at in the source (models with cross attention)",
    default: false,
  },
  ...weightOptions,
  runs: { type: "string", valueHint: "DIR", description: "folder of the runs", default: "runs" },
  engine: { ...engineOption, description: `${engineOption.description} (default: the run's)` },
  threads: { type: "string", valueHint: "N", description: "threads of the engine (default: the run's)" },
} as const;

type Call = CallOf<typeof translateOptions>;

export const translateCommand = defineSeqlabCommand({
  name: "translate",
  summary: "let a trained encoder–decoder answer a file, line by line",
  about: [
    "Reads a text a line and prints its answer on a line: translations, pronunciations of words, trees of sentences (runs of encoder–decoders on --task translate, g2p, parsing and other tasks of questions and answers). An empty line stays empty. Answers are printed as soon as they are found; progress goes to standard error.",
    "With --n-best every answer has a line of its own, tab-separated: number of the source line, rank, score, answer. With --alignments a column follows: source-target numbers of tokens, from 0, the source token that the mean of all heads and layers looks at most. --json prints an array with an object a line, with the weights of each layer.",
  ],
  operands: [
    { name: "RUN", count: "one", description: "name of a run of seqlab train; seqlab runs lists them" },
    {
      name: "FILE",
      count: "optional",
      description: "text in UTF-8, one source a line (.gz is unpacked); - or nothing: standard input",
    },
  ],
  options: translateOptions,
  examples: [
    { command: "seqlab translate transformer-1 test.de > test.out", effect: "then seqlab score test.out test.en" },
    { command: "seqlab translate g2p-1 --n-best 3 < words.txt", effect: "three pronunciations of each word" },
    {
      command: "seqlab translate transformer-1 test.de --average 5 --beams 1",
      effect: "the mean of five checkpoints, greedily",
    },
  ],
  async run({ args, operands: [name, path = "-"] }) {
    const interrupts = listenForInterrupts(() => {});
    try {
      const request = requestOf(args);
      const run = openRun(args.runs, name!);
      await answerAll(answererOf(run, readRunInfo(run)), { run, path, args, ...request, signal: interrupts.signal });
    } catch (error) {
      throw interrupts.signal.aborted ? new Interrupted({ signal: interrupts.signal, lines: ["Stopped."] }) : error;
    } finally {
      interrupts.dispose();
    }
  },
});

interface Request {
  /** Of the engine; absent: the run's. */
  threads: number | undefined;
  beams: number;
  lengthPenalty: number;
  extraTokens: number;
  /** Answers a line; absent: the best one alone. */
  several: number | undefined;
}

function requestOf(args: Call["args"]): Request {
  const beams = wholeNumber("beams", args.beams, { most: 1000 });
  const several = args["n-best"] === undefined ? undefined : wholeNumber("n-best", args["n-best"]);
  if (several !== undefined && several > beams)
    failUsage({
      code: "E_OPTION",
      where: "--n-best",
      expected: `at most as many answers as beams, ${beams}`,
      got: String(several),
      hint: `Add --beams ${several}.`,
    });
  return {
    threads: args.threads === undefined ? undefined : wholeNumber("threads", args.threads, { most: 1024 }),
    beams,
    lengthPenalty: numberIn("length-penalty", args["length-penalty"], { least: 0 }),
    extraTokens: wholeNumber("extra-tokens", args["extra-tokens"], { least: 0 }),
    several,
  };
}

interface Answerer {
  built: BuiltModel;
  codec: Codec;
  protocol: TrainedRun["protocol"];
}

/** Throws E_TRANSLATE_RUN for a run whose model answers no sources. */
function answererOf({ name }: Run, stored: TrainedRun): Answerer {
  const built = buildSpec(stored.spec, { tokens: stored.tokens });
  if (stored.kind === "task" && stored.codec && built.model.readsSource)
    return { built, codec: stored.codec, protocol: stored.protocol };
  return fail({
    code: "E_TRANSLATE_RUN",
    where: name,
    expected: "a run of an encoder–decoder on --task translate, g2p, or a task of questions and answers",
    got: `one on ${stored.data.name}`,
    ...(stored.kind === "text" && { hint: `It writes text: seqlab generate ${name}.` }),
  });
}

interface Work extends Request {
  run: Run;
  path: string;
  args: Call["args"];
  signal: AbortSignal;
}

/** Lines that are decoded together: beams take a line each. */
const together = 16;

async function answerAll(answerer: Answerer, work: Work): Promise<void> {
  const { args, path, beams, extraTokens, lengthPenalty } = work;
  const { engine: kind, threads } = answerer.protocol;
  assertCross(answerer, args.alignments);
  const weights = readWeights(work.run, args);
  const engine = await createEngine(args.engine ?? kind, { threads: work.threads ?? threads });
  try {
    await putParameters(engine, answerer.built.model, weights);
    const alone = beams > 1 || (path === "-" && process.stdin.isTTY === true);
    const batch = alone ? 1 : together;
    const translator = createTranslator(engine, answerer.built, { beams, lengthPenalty, extraTokens, batch });
    await printAnswers(lineGroups(path, batch), { ...answerer, engine, translator, work });
  } finally {
    await engine.close();
  }
}

function assertCross({ built }: Answerer, wanted: boolean): void {
  if (!wanted || showsAlignment(built)) return;
  fail({
    code: "E_ALIGNMENTS",
    where: built.model.spec.name,
    expected: "a model whose layers weigh each token of the source (cross-attention)",
    got: "one that reads sums of them, or starts from the encoder's states",
    hint: "Leave --alignments out.",
  });
}

interface Answering extends Answerer {
  engine: Engine;
  translator: Translator;
  work: Work;
}

async function printAnswers(groups: AsyncIterable<SourceLine[]>, answering: Answering): Promise<void> {
  const { args, run, several } = answering.work;
  const show = showerOf(args.json, { several: several !== undefined, alignments: args.alignments });
  const progress = process.stdout.isTTY === true ? undefined : createProgress();
  const start = performance.now();
  let lines = 0;
  show.begin();
  for await (const group of groups) {
    for (const line of await answer(group, answering)) show.line(line);
    lines += group.length;
    progress?.update({ label: `${run.name}: ${whole(lines)} lines`, unit: "lines", rate: lines / secondsSince(start) });
  }
  show.end();
  progress?.end();
  note(`${whole(lines)} lines, ${threeDigits(lines / secondsSince(start))} lines/s`);
}

const secondsSince = (start: number): number => (performance.now() - start) / 1000;

/** One JSON document, written as its parts come, or lines of text. */
function showerOf(json: boolean, columns: Parameters<typeof lineText>[1]) {
  if (!json)
    return { begin: () => {}, line: (one: TranslatedLine) => printText(lineText(one, columns)), end: () => {} };
  let separator = "";
  return {
    begin: () => printData("["),
    line(one: TranslatedLine) {
      printData(`${separator}\n${JSON.stringify(one)}`);
      separator = ",";
    },
    end: () => printData("\n]\n"),
  };
}

async function answer(group: readonly SourceLine[], answering: Answering): Promise<TranslatedLine[]> {
  const { translator, codec, work } = answering;
  const asked = group.filter(({ text }) => text !== "");
  const sources = asked.map((line) => encoded(codec, line, work.path));
  const found = await translator.translate(sources, { signal: work.signal });
  const translated = new Map<number, TranslatedLine>();
  for (const [i, { line, text }] of asked.entries()) {
    const answers = [];
    for (const one of found[i]!.slice(0, work.several ?? 1))
      answers.push({
        ...answerOf(codec, one),
        ...(work.args.alignments && {
          alignment: await aligned(answering, { source: sources[i]!, answer: one.tokens }),
        }),
      });
    translated.set(line, { line, source: text, answers });
  }
  return group.map(({ line }) => translated.get(line) ?? { line, source: "", answers: [] });
}

const aligned = async ({ engine, built, codec }: Answering, pair: { source: Int32Array; answer: Int32Array }) =>
  alignmentIn(codec, pair, await alignmentOf(engine, built, pair));

/** Errors name the file and the line. */
function encoded(codec: Codec, { line, text }: SourceLine, path: string): Int32Array {
  try {
    return codec.encodeSource(text);
  } catch (error) {
    if (!(error instanceof SeqlabError)) throw error;
    const file = path === "-" ? "standard input" : path;
    throw new SeqlabError({ ...error.fault, where: `${file}:${line}: ${error.fault.where}`, cause: error });
  }
}
