import { readFileSync } from "node:fs";
import { decodeSafetensors, float32Of } from "../../checkpoints/index.ts";
import { tokenizerFromJSON } from "../../data/index.ts";
import { createNodeEngine, type Engine } from "../../engine/index.ts";
import { createGenerator, measureDecoding, putParameters } from "../../generate/index.ts";
import { initialise } from "../../model/index.ts";
import { type BuiltModel, buildSpec } from "../../spec/index.ts";
import { sizeOf } from "../../tensor/index.ts";
import type { DecodeJob, DecodeOutcome, JobProgress, SampleJob, SampleOutcome } from "./jobs.ts";
import { peakResident, readIds } from "./training-job.ts";

/** How texts are drawn: near the distribution, without its long tail. */
const sampler = { temperature: 0.7, topP: 0.9 } as const;

export async function decodeJob(job: DecodeJob, report: (progress: JobProgress) => void): Promise<DecodeOutcome> {
  const prompt = readIds(job.validationIds);
  const weights = readFileSync(job.weights);
  const baselineBytes = process.memoryUsage().rss;
  const { engine, built } = await load(job, weights);
  const stages = job.contexts.length + 2;
  let peakBytes = 0;
  const measured = await measureDecoding(engine, built, {
    prompt,
    context: job.context,
    contexts: job.contexts,
    onStage: (stage) => {
      // Peak memory is that of reading the prompt and writing behind it; the long contexts come later.
      if (stage === "prompt") peakBytes = Math.max(0, peakResident() - baselineBytes);
      report({ done: stage === "prompt" ? 1 : 2 + job.contexts.indexOf(stage.context), total: stages, unit: "stages" });
    },
  });
  const sample = await write(engine, built, job);
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
  const text = await write(engine, built, job);
  await engine.close();
  return { text };
}

/** An engine that holds the model's trained or, without a file, starting parameters. */
async function load(
  job: DecodeJob | SampleJob,
  weights: Uint8Array | undefined,
): Promise<{ engine: Engine; built: BuiltModel }> {
  const engine = createNodeEngine({ threads: job.threads });
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
  { tokenizer: json, prompt, sampleTokens, context, seed }: DecodeJob | SampleJob,
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
