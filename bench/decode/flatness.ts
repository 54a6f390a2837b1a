/** Time and state of one decoded token at several contexts: those of a finite state should not change with it. */
import { families, type StateDeclaration } from "../../src/blocks/index.ts";
import { createNodeEngine } from "../../src/engine/index.ts";
import { Decoder, putParameters } from "../../src/generate/index.ts";
import { initialise, isShape } from "../../src/model/index.ts";
import { type BuiltModel, buildSpec, canonicalSpec } from "../../src/spec/index.ts";
import { fail, SeqlabError } from "../../src/tensor/index.ts";

export interface FlatnessOptions {
  contexts: readonly number[];
  /** Times that every context is measured, in turn, so that drift of the machine touches all alike. */
  rounds: number;
  /** Tokens timed at once. */
  tokens: number;
  width: number;
}

export interface Range {
  median: number;
  min: number;
  max: number;
}

export interface MeasuredAt {
  context: number;
  msPerToken: Range;
  /** Of each round, to the first context of the same round. */
  ratio: Range;
  stateBytes: number;
}

export interface Flatness {
  mixer: string;
  contexts: readonly MeasuredAt[];
  /** The first context measured again in every round, to itself: the noise. */
  again: Range;
  /** State bytes do not change, and no median ratio is above 1 by more than the noise, taken as 5 % at least and 15 % at most. */
  flat: boolean;
}

const tokens = 64;

/** A model of one layer with this mixer at its defaults. */
const modelOf = (kind: string, width: number): BuiltModel =>
  buildSpec(canonicalSpec({ name: kind, width, layers: [{ mixer: { kind } }] } as never), { tokens });

/** Mixers that decode from a finite state at their defaults. */
export function finiteMixers(width = 64): string[] {
  return Object.keys(families.mixers)
    .sort()
    .filter((kind) => {
      const model = maybeModel(kind, width)?.model;
      const states = [...(model?.states.values() ?? [])];
      return model?.decodes === true && states.length > 0 && states.every(hasFixedSize);
    });
}

const hasFixedSize = (state: StateDeclaration): boolean =>
  isShape(state) || ("shape" in state && !(state.shape instanceof Function));

/** Undefined where the mixer cannot stand in a causal model at its defaults. */
function maybeModel(kind: string, width: number): BuiltModel | undefined {
  try {
    return modelOf(kind, width);
  } catch (error) {
    if (error instanceof SeqlabError) return undefined;
    throw error;
  }
}

/** Measures one mixer; states are those of the start, placed at each context. */
export async function measureFlatness(kind: string, options: FlatnessOptions): Promise<Flatness> {
  const { model } = modelOf(kind, options.width);
  const contexts = options.contexts.filter((context) => context + 2 * options.tokens <= model.limit);
  if (contexts.length === 0)
    fail({
      code: "E_BENCH_CONTEXT",
      where: kind,
      expected: `contexts below ${model.limit}`,
      got: options.contexts.join(),
    });
  const engine = createNodeEngine({ threads: 1 });
  const decoder = new Decoder(engine, model, { prefix: "bench/" });
  try {
    await putParameters(engine, model, initialise(model, 0));
    return await timeRounds(decoder, { ...options, contexts, kind });
  } finally {
    await decoder.dispose();
    await engine.close();
  }
}

async function timeRounds(
  decoder: Decoder,
  { kind, contexts, rounds, tokens: count }: FlatnessOptions & { kind: string },
): Promise<Flatness> {
  const bytes: number[] = [];
  const timed = async (context: number) => {
    await decoder.skipTo(context);
    bytes.push(decoder.bytes().used);
    await write(decoder, Math.ceil(count / 4));
    const start = performance.now();
    await write(decoder, count);
    return (performance.now() - start) / count;
  };
  for (const context of contexts) await timed(context);
  const stateBytes = bytes.slice();
  const times = contexts.map((): number[] => []);
  const again: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [i, context] of contexts.entries()) times[i]!.push(await timed(context));
    again.push((await timed(contexts[0]!)) / times[0]!.at(-1)!);
  }
  const measured = contexts.map((context, i) => ({
    context,
    msPerToken: rangeOf(times[i]!),
    ratio: rangeOf(times[i]!.map((ms, round) => ms / times[0]![round]!)),
    stateBytes: stateBytes[i]!,
  }));
  return { mixer: kind, contexts: measured, again: rangeOf(again), flat: isFlat(measured, rangeOf(again)) };
}

async function write(decoder: Decoder, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await decoder.step(Int32Array.of(i % tokens));
}

/** See {@link Flatness.flat}. */
export function isFlat(measured: readonly Pick<MeasuredAt, "ratio" | "stateBytes">[], again: Range): boolean {
  const noise = Math.min(0.15, Math.max(0.05, again.max - 1, 1 - again.min));
  const bytes = new Set(measured.map(({ stateBytes }) => stateBytes));
  return bytes.size === 1 && measured.every(({ ratio }) => ratio.median - 1 <= noise);
}

export function rangeOf(values: readonly number[]): Range {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)! };
}
