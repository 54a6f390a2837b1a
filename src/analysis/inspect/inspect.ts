import type { Engine } from "../../engine/index.ts";
import { alignmentOf } from "../../generate/index.ts";
import { parameterCount } from "../../model/index.ts";
import type { BuiltModel } from "../../spec/index.ts";
import { attentionMaps } from "./attention.ts";
import { gradientNorms } from "./gradients.ts";
import { logitLens } from "./lens.ts";
import type { Inspection, Piece, TokenReading } from "./results.ts";
import { type Sample, type SampleInput, sampleOf } from "./sample.ts";
import { saturation } from "./saturation.ts";
import { stateTraces } from "./states.ts";
import { streamSummaries, writeSummaries } from "./streams.ts";
import { fetched } from "./tensors.ts";
import { feedsOf, type Reading, rounded, type Trace, traceSample } from "./trace.ts";

export interface InspectOptions extends SampleInput {
  /** How an id of the tokenizer reads; those of the objective are named after what they mean. */
  text: (id: number) => string;
  /** Names of further tensors to fetch. */
  tensors?: readonly string[];
}

/**
 * Looks at what a model does with one text: its parameters must be resident in the engine. One run of one graph, forward and
 * backward, then the text decoded token by token for the states. Throws E_INSPECT and E_INSPECT_TENSOR.
 */
export async function inspect(engine: Engine, built: BuiltModel, options: InspectOptions): Promise<Inspection> {
  const sample = sampleOf(built, options);
  const trace = traceSample(built, sample);
  const piece = pieceOf(built, options.text);
  const readings = {
    lens: logitLens(trace, { sample, piece }),
    attention: attentionMaps(trace),
    gradients: gradientNorms(trace),
    gates: saturation(trace),
    streams: streamSummaries(trace),
    writes: writeSummaries(trace),
    tensors: fetched(trace, options.tensors ?? []),
  };
  const { nats, loss, ...found } = await runAll(engine, sample, { ...readings, ...lossOf(trace) });
  const { model } = built;
  const { source } = sample;
  const alignment = source && (await alignmentOf(engine, built, { source, answer: options.ids })).layers;
  return {
    model: {
      name: model.spec.name,
      title: model.spec.title,
      objective: model.spec.objective.kind,
      parameters: parameterCount(model.parameters),
    },
    tokens: Array.from(sample.ids, (id, t) => readingOf(id, { t, sample, nats, piece })),
    source: source ? Array.from(source, piece) : null,
    loss,
    ...found,
    alignment: alignment?.map((rows) => rows.map((row) => row.map(rounded))) ?? null,
    states: await stateTraces(engine, model, sample),
  };
}

type Readings = Readonly<Record<string, Reading<unknown>>>;
type Read<R extends Readings> = { [K in keyof R]: R[K] extends Reading<infer T> ? T : never };

/** Fetches what all analyses need in one run. */
async function runAll<R extends Readings>(engine: Engine, sample: Sample, readings: R): Promise<Read<R>> {
  const outputs = Object.assign({}, ...Object.values(readings).map((reading) => reading.outputs));
  const executable = await engine.compile({ outputs });
  try {
    const values = await executable.run(feedsOf(sample));
    const read = Object.entries(readings).map(([key, reading]) => [key, reading.read(values)]);
    return Object.fromEntries(read) as Read<R>;
  } finally {
    await executable.dispose();
  }
}

const lossOf = ({ loss, nats_BT }: Trace) => ({
  loss: { outputs: { loss }, read: (values) => rounded(Number(values["loss"]![0])) } satisfies Reading<number>,
  nats: { outputs: { nats: nats_BT }, read: (values) => Array.from(values["nats"]!) } satisfies Reading<number[]>,
});

function pieceOf({ extraTokens }: BuiltModel, text: (id: number) => string): (id: number) => Piece {
  const own = new Map(Object.entries(extraTokens).map(([name, id]) => [id, `⟨${name}⟩`]));
  return (id) => ({ id, text: own.get(id) ?? text(id) });
}

function readingOf(
  id: number,
  { t, sample, nats, piece }: { t: number; sample: Sample; nats: readonly number[]; piece: (id: number) => Piece },
): TokenReading {
  const counts = sample.weights[t] === 1;
  return {
    ...piece(id),
    target: counts ? piece(sample.targets[t]!) : null,
    nats: counts ? rounded(nats[t]!) : null,
  };
}
