import { openRun } from "../checkpoints/index.ts";
import type { Tokenizer } from "../data/index.ts";
import { createEngine } from "../engine/index.ts";
import {
  createGenerator,
  type Generation,
  type GenerationRequest,
  type Generator,
  putParameters,
} from "../generate/index.ts";
import { threeDigits, whole } from "../report/index.ts";
import { buildSpec } from "../spec/index.ts";
import { fail } from "../tensor/index.ts";
import { drawingOptions, endingOf, samplerOf } from "./drawing-options.ts";
import { type CallOf, defineSeqlabCommand } from "./frame/command.ts";
import { Interrupted, listenForInterrupts } from "./frame/interrupt.ts";
import { note, printData, printJson, printText } from "./frame/output.ts";
import { wholeNumber } from "./frame/values.ts";
import { readRunInfo, type TrainedRun } from "./run-info.ts";
import { type RunWeights, readWeights, weightOptions } from "./run-weights.ts";
import { engineOption } from "./training-options.ts";

const generateOptions = {
  prompt: { type: "string", valueHint: "TEXT", description: "text to continue", default: "" },
  suffix: {
    type: "string",
    valueHint: "TEXT",
    description: "text that stands behind what is written (models of diffusion)",
  },
  tokens: { type: "string", valueHint: "N", description: "tokens to write", default: "200" },
  "denoise-steps": {
    type: "string",
    valueHint: "N",
    description: "models of diffusion: steps for each block (default: the spec's)",
  },
  ...drawingOptions,
  seed: { type: "string", valueHint: "N", description: "same seed, same text", default: "0" },
  ...weightOptions,
  runs: { type: "string", valueHint: "DIR", description: "folder of the runs", default: "runs" },
  engine: { ...engineOption, description: `${engineOption.description} (default: the run's)` },
} as const;

type Call = CallOf<typeof generateOptions>;

/** What `--json` prints. */
interface GeneratedText {
  prompt: string;
  /** Without the prompt. */
  text: string;
  tokens: number;
  seed: number;
  /** Masked diffusion: to the first finished block. */
  msToFirstToken: number;
  /** Of the tokens behind the first (behind the first block). */
  tokensPerS: number;
}

export const generateCommand = defineSeqlabCommand({
  name: "generate",
  summary: "let a trained run write text",
  about: [
    "Prints the prompt and what the model writes behind it, as it is decoded. Models of diffusion denoise block by block; of the options of drawing they read the temperature only, and they can fill a gap in front of --suffix. Models of span corruption write span by span.",
  ],
  operands: [{ name: "RUN", count: "one", description: "name of a run of seqlab train; seqlab runs lists them" }],
  options: generateOptions,
  examples: [
    { command: 'seqlab generate llama-1 --prompt "Call me"', effect: "200 tokens behind the prompt" },
    {
      command: 'seqlab generate llama-1 --prompt "Call me" --tokens 50 --temperature 0 --json',
      effect: "the likeliest text, with timing, as JSON",
    },
    {
      command: 'seqlab generate llama-1 --prompt "Call me" --min-p 0.1 --no-repeat-ngram 4',
      effect: "keeps to likely tokens and never writes four in a row twice",
    },
  ],
  async run({ args, operands: [name] }) {
    const interrupts = listenForInterrupts(() => {});
    try {
      const request = requestOf(args);
      const run = openRun(args.runs, name!);
      const stored = textRunOf(readRunInfo(run), name!);
      await write(stored, {
        weights: readWeights(run, args),
        args,
        request: { ...request, signal: interrupts.signal },
      });
    } catch (error) {
      throw interrupts.signal.aborted ? new Interrupted({ signal: interrupts.signal, lines: ["", "Stopped."] }) : error;
    } finally {
      interrupts.dispose();
    }
  },
});

type Request = Required<Pick<GenerationRequest, "tokens" | "seed" | "sampler">>;

function requestOf(args: Call["args"]): Request {
  return {
    tokens: wholeNumber("tokens", args.tokens),
    seed: wholeNumber("seed", args.seed, { least: 0, most: 2 ** 32 - 1 }),
    sampler: samplerOf(args),
  };
}

type TextWriter = Extract<TrainedRun, { kind: "text" }>;

/** Throws E_GENERATE_TASK for a run on anything but text. */
function textRunOf(stored: TrainedRun, name: string): TextWriter {
  if (stored.kind === "text") return stored;
  return fail({
    code: "E_GENERATE_TASK",
    where: name,
    expected: "a run that was trained on text",
    got: `one on ${stored.data.name}`,
    hint:
      stored.codec && stored.spec.objective.kind === "sequence-to-sequence"
        ? `It answers sources: seqlab translate ${name}.`
        : "Its sequences are questions and answers of a task, or ids that stand for no text.",
  });
}

interface Work {
  weights: RunWeights;
  args: Call["args"];
  request: Request & { signal: AbortSignal };
}

async function write({ spec, tokenizer, protocol }: TextWriter, { weights, args, request }: Work): Promise<void> {
  const built = buildSpec(spec, { tokens: tokenizer.size });
  const engine = await createEngine(args.engine ?? protocol.engine, protocol);
  try {
    await putParameters(engine, built.model, weights);
    const { prompt: text, json, suffix: behind, "denoise-steps": steps } = args;
    const generator = createGenerator(engine, built, {
      context: protocol.config.length,
      ...(steps !== undefined && { steps: wholeNumber("denoise-steps", steps) }),
    });
    const prompt = tokenizer.encode(text);
    const { stop, sampler } = endingOf(args, { tokenizer, prompt });
    const result = await stream(generator, {
      tokenizer,
      request: {
        ...{ ...request, prompt, stop, sampler: { ...request.sampler, ...sampler } },
        ...(behind !== undefined && { suffix: tokenizer.encode(behind) }),
      },
      prompt: text,
      show: json ? () => {} : printText,
    });
    const summary = summarise(result, { prompt: text, seed: request.seed });
    if (json) return printJson(summary);
    printData(`${behind ?? ""}\n`);
    note(
      `${whole(summary.tokens)} tokens, the first after ${threeDigits(summary.msToFirstToken)} ms, then ${threeDigits(summary.tokensPerS)} tokens/s`,
    );
  } finally {
    await engine.close();
  }
}

interface Streamed {
  generation: Generation;
  text: string;
}

interface Stream {
  tokenizer: Tokenizer;
  request: GenerationRequest;
  prompt: string;
  show: (text: string) => void;
}

/** Shows the prompt once the request is accepted and something follows it, then whole characters as soon as they are complete. */
async function stream(generator: Generator, { tokenizer, request, prompt, show }: Stream): Promise<Streamed> {
  const decoder = tokenizer.streamDecoder();
  const parts: string[] = [];
  const take = (part: string) => {
    parts.push(part);
    if (part !== "") show(part);
  };
  const ids = generator.stream(request);
  for (let first = true; ; first = false) {
    const next = await ids.next();
    if (first) show(prompt);
    if (next.done === true) {
      take(decoder.end());
      return { generation: next.value, text: parts.join("") };
    }
    take(decoder.push(next.value));
  }
}

function summarise(
  { generation: { tokens, timing }, text }: Streamed,
  { prompt, seed }: { prompt: string; seed: number },
): GeneratedText {
  return { prompt, text, tokens: tokens.length, seed, msToFirstToken: timing.prefillMs, tokensPerS: timing.tokensPerS };
}
