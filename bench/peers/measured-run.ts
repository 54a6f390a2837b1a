/**
 * The measured batch of training steps that every Node peer runs: arguments in, one JSON line out.
 * Axes: B batch, T time.
 */
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { peakResidentBytes } from "../../src/engine/index.ts";
import { benchModel, type ModelSettings } from "../train-step/models.ts";

const warmup = 3;

/** Ids fed to one step, row by row: `targets_BT` is `inputs_BT` moved one token ahead. */
export interface TokenBatch {
  inputs_BT: Int32Array;
  targets_BT: Int32Array;
}

/** A model ready to train. A step resolves to its loss in nats per token, read back to JavaScript. */
export interface Trainee {
  params: number;
  step(batch: TokenBatch): Promise<number>;
  close?(): Promise<void>;
}

/** What a peer declares: its name with version, and how it builds a benched model for a stream of token ids. */
export interface NodePeer {
  name(): string;
  build(model: ModelSettings, run: { threads: number; ids: Int32Array }): Promise<Trainee>;
}

/** Builds the model named on the command line, times its steps and prints the measurement. */
export async function runPeer(load: (run: { mode: string; threads: number }) => Promise<NodePeer>): Promise<void> {
  const run = parseRun();
  const model = benchModel(run.model);
  const peer = await load(run);
  const ids = randomStream(model);
  const trainee = await peer.build(model, { threads: run.threads, ids });
  const measured = await measure(trainee, batchesOf(ids, model), run);
  await trainee.close?.();
  const { params } = trainee;
  const tokens = model.batch * model.context;
  const peak_bytes = peakResidentBytes();
  const line = { peer: peer.name(), model: model.name, mode: run.mode, params, tokens, ...measured, peak_bytes };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function parseRun() {
  const { values } = parseArgs({
    options: {
      model: { type: "string", default: "gpt-0.8m" },
      mode: { type: "string", default: "" },
      steps: { type: "string", default: "30" },
      seconds: { type: "string", default: "60" },
      threads: { type: "string", default: "2" },
    },
  });
  const { model, mode } = values;
  return { model, mode, steps: Number(values.steps), budget: Number(values.seconds), threads: Number(values.threads) };
}

/** Times `steps` steps after the warm-up; fewer, but at least 3, when they take longer than `budget` seconds. */
async function measure(
  trainee: Trainee,
  batches: Iterator<TokenBatch, never>,
  { steps, budget }: { steps: number; budget: number },
) {
  const losses: number[] = [];
  const seconds: number[] = [];
  let spent = 0;
  while (seconds.length < steps && !(seconds.length >= 3 && spent > budget)) {
    const batch = batches.next().value;
    const start = performance.now();
    losses.push(await trainee.step(batch));
    const elapsed = (performance.now() - start) / 1000;
    if (losses.length <= warmup) continue;
    seconds.push(elapsed);
    spent += elapsed;
  }
  return { seconds, losses };
}

/** The tokens that every peer trains on: 16 high bits of a linear congruential generator, modulo the vocabulary. */
function randomStream({ batch, context, vocabulary }: ModelSettings): Int32Array {
  let value = 1;
  return Int32Array.from({ length: (batch + 1) * context + 1 }, () => {
    value = (Math.imul(1664525, value) + 1013904223) >>> 0;
    return (value >>> 16) % vocabulary;
  });
}

/** Every step reads nearly the whole stream as B rows, from a start that moves. */
function* batchesOf(ids: Int32Array, { batch, context }: ModelSettings): Generator<TokenBatch, never> {
  const size = batch * context;
  for (let start = 0; ; ) {
    start = (start + 7919) % (context + 1);
    yield { inputs_BT: ids.slice(start, start + size), targets_BT: ids.slice(start + 1, start + size + 1) };
  }
}
