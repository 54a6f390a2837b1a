import { readFileSync } from "node:fs";
import { decodeSafetensors, float32Of } from "../../checkpoints/index.ts";
import { tokenizerFromJSON } from "../../data/index.ts";
import { createEngine, type Engine, peakResidentBytes } from "../../engine/index.ts";
import { createGenerator, createTranslator, measureDecoding, putParameters } from "../../generate/index.ts";
import { initialise } from "../../model/index.ts";
import { type BuiltModel, buildSpec } from "../../spec/index.ts";
import type { Dataset } from "../../tasks/index.ts";
import { sizeOf } from "../../tensor/index.ts";
import { trainingSchema } from "../../train/index.ts";
import { openJobData, readIds } from "./job-data.ts";
import type { DecodeJob, DecodeOutcome, JobProgress, SampleJob, SampleOutcome, Writing } from "./jobs.ts";

/** How texts are drawn: near the distribution, without its long tail. */
const sampler = { temperature: 0.7, topP: 0.9 } as const;

export async function decodeJob(job: DecodeJob, report: (progress: JobProgress) => void): Promise<DecodeOutcome> {
  const dataset = job.data.kind === "dataset" ? (await openJobData(job.data)).dataset : undefined;
  const weights = readFileSync(job.weights);
  const baselineBytes = process.memoryUsage().rss;
  const { engine, built } = await load(job, weights);
  const prompt = job.data.kind === "text" ? readIds(job.data.validationIds) : promptOf(dataset!, built, job);
  const stages = job.contexts.length + 2;
  let peakBytes = 0;
  const measured = await measureDecoding(engine, built, {
    prompt,
    context: job.context,
    contexts: job.contexts,
    onStage: (stage) => {
      // Peak memory is that of reading the prompt and writing behind it; the long contexts come later.
      if (stage === "prompt") peakBytes = Math.max(0, peakResidentBytes() - baselineBytes);
      report({ done: stage === "prompt" ? 1 : 2 + job.contexts.indexOf(stage.context), total: stages, unit: "stages" });
    },
  });
  const sample = await sampleOf(engine, built, { job, dataset });
  await engine.close();
  return {
    decodeTokensPerS: measured.decodeTokensPerS,
    firstTokenMs: measured.firstTokenMs,
    decode: measured.contexts.map(({ context, msPerToken, stateBytes }) => ({ context, msPerToken, stateBytes })),
    ...(measured.note !== undefined && { note: measured.note }),
    baselineBytes,
    peakBytes,
    sample,
  };
}

export async function sampleJob(job: SampleJob): Promise<SampleOutcome> {
  const { engine, built } = await load(job, job.weights === null ? undefined : readFileSync(job.weights));
  const text = await write(engine, built, { ...job, ...job.writing });
  await engine.close();
  return { text };
}

/** An engine that holds the model's trained or, without a file, starting parameters. */
async function load(
  job: DecodeJob | SampleJob,
  weights: Uint8Array | undefined,
): Promise<{ engine: Engine; built: BuiltModel }> {
  const engine = await createEngine(job.engine, job);
  const built = buildSpec(job.spec, { tokens: job.tokens });
  await putParameters(engine, built.model, weights === undefined ? untrained(built, job.seed) : trained(weights));
  return { engine, built };
}

function untrained({ model }: BuiltModel, seed: number): Map<string, Float32Array> {
  const values = initialise(model, seed);
  for (const [path, shape] of model.buffers) values.set(path, new Float32Array(sizeOf(shape)));
  return values;
}

function trained(weights: Uint8Array): Map<string, Float32Array> {
  const { tensors } = decodeSafetensors(weights);
  return new Map(Object.entries(tensors).map(([path, tensor]) => [path, float32Of(tensor)]));
}

async function write(
  engine: Engine,
  built: BuiltModel,
  { tokenizer: json, prompt, sampleTokens, context, seed }: Writing & Pick<SampleJob, "context" | "seed">,
): Promise<string> {
  const tokenizer = tokenizerFromJSON(json);
  const generator = createGenerator(engine, built, { context });
  const { tokens } = await generator.generate({
    prompt: tokenizer.encode(prompt),
    tokens: sampleTokens,
    sampler,
    seed,
  });
  await generator.dispose();
  return tokenizer.decode(tokens);
}

/** What the timed prompt begins with: the longest of the first sources, or the first validation windows. */
function promptOf({ held = [], codec, validation }: Dataset, built: BuiltModel, { context }: DecodeJob): Int32Array {
  if (codec !== undefined && built.model.readsSource) {
    const sources = held.slice(0, 200).map(({ source }) => codec.encodeSource(source));
    return sources.reduce((longest, source) => (source.length > longest.length ? source : longest));
  }
  const text = validation(built, trainingSchema.parse({ steps: 1, length: context }));
  return "windows" in text ? (text.windows.inputs as Int32Array).slice(0, 8 * text.windows.length) : text.ids;
}

const answeredSources = 6;

/** What the model goes on with behind a prompt, or its answers to the first sources; null where nothing is text. */
async function sampleOf(
  engine: Engine,
  built: BuiltModel,
  { job, dataset }: { job: DecodeJob; dataset: Dataset | undefined },
): Promise<DecodeOutcome["sample"]> {
  if (job.writing) return { prompt: job.writing.prompt, text: await write(engine, built, { ...job, ...job.writing }) };
  const { codec, held = [] } = dataset ?? {};
  if (codec === undefined || !built.model.readsSource) return null;
  const asked = held.slice(0, answeredSources).map(({ source }) => source);
  const translator = createTranslator(engine, built, { beams: 1 });
  const answers = await translator.translate(asked.map((source) => codec.encodeSource(source)));
  await translator.dispose();
  const lines = answers.map(([best], i) => `${asked[i]} → ${codec.decodeTarget(best!.tokens)}`);
  return { prompt: "", text: lines.join("\n") };
}
