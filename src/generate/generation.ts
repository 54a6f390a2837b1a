import { fail } from "../tensor/index.ts";
import type { SamplerInput } from "./sampling/sampler.ts";
import { Stopwatch } from "./stopwatch.ts";

export interface GenerationRequest {
  /** Ids to continue; where there are none, next-token models begin behind the generator's `start` token. */
  prompt: Int32Array;
  /** What stands behind the text to be written, for models that look at both sides. Default: nothing. */
  suffix?: Int32Array;
  /** What an encoder reads; the model then begins with its own start token and ends at its own end token. */
  source?: Int32Array;
  /** Most tokens to write. */
  tokens: number;
  /** How tokens are drawn; masked diffusion reads only `temperature`. Default: temperature 1. */
  sampler?: SamplerInput;
  /** Same seed, same text. Default 0. */
  seed?: number;
  /** Ids at which the text ends; they are not part of it. */
  stop?: readonly number[];
  onToken?: (id: number) => void;
  /** Ends the generation between two runs of the model; its reason is thrown. */
  signal?: AbortSignal;
}

export interface GenerationTiming {
  /** Until the first token could be drawn; masked diffusion: until its first block was finished. */
  prefillMs: number;
  /** Rate of the tokens behind the first (behind the first block); 0 where there are none. */
  tokensPerS: number;
}

export interface Generation {
  tokens: Int32Array;
  timing: GenerationTiming;
}

/** Writes text with the parameters that are resident in its engine now. One generation at a time. */
export interface Generator {
  /** Tokens as they come, and in the end what `generate` returns. */
  stream(request: GenerationRequest): AsyncGenerator<number, Generation>;
  generate(request: GenerationRequest): Promise<Generation>;
  /** Drops programs and states; parameters stay in the engine. */
  dispose(): Promise<void>;
}

/** Endless or long enough tokens of a request; every run of the model is timed by the watch. */
export type TokenSource = (request: GenerationRequest, watch: Stopwatch) => AsyncIterable<number>;

/** A generator over a source of tokens: checks requests, refuses overlapping ones, ends texts. */
export function generatorOf(
  source: TokenSource,
  { ids, dispose }: { ids: number; dispose: () => Promise<void> },
): Generator {
  let busy = false;
  async function* stream(request: GenerationRequest): AsyncGenerator<number, Generation> {
    assertRequest(request, ids);
    if (busy) failBusy();
    busy = true;
    try {
      return yield* limited(source, request);
    } finally {
      busy = false;
    }
  }
  return { stream, generate: (request) => exhaust(stream(request)), dispose };
}

/** Passes tokens on until there are enough or one of them ends the text. */
async function* limited(source: TokenSource, request: GenerationRequest): AsyncGenerator<number, Generation> {
  const watch = new Stopwatch();
  const tokens: number[] = [];
  for await (const id of source(request, watch)) {
    if (request.stop?.includes(id)) break;
    tokens.push(id);
    request.onToken?.(id);
    yield id;
    if (tokens.length === request.tokens) break;
  }
  return { tokens: Int32Array.from(tokens), timing: watch.timing() };
}

async function exhaust<T>(stream: AsyncGenerator<unknown, T>): Promise<T> {
  for (;;) {
    const next = await stream.next();
    if (next.done) return next.value;
  }
}

function assertRequest({ prompt, suffix, tokens }: GenerationRequest, ids: number): void {
  if (!Number.isInteger(tokens) || tokens < 1)
    fail({ code: "E_TOKENS", where: "request.tokens", expected: "a whole number from 1", got: String(tokens) });
  for (const [name, given] of Object.entries({ prompt, suffix: suffix ?? [] })) assertIds(name, given, ids);
}

function assertIds(name: string, given: ArrayLike<number>, ids: number): void {
  const strange = Array.from(given).find((id) => id < 0 || id >= ids);
  if (strange !== undefined)
    fail({ code: "E_PROMPT", where: `request.${name}`, expected: `ids from 0 to ${ids - 1}`, got: String(strange) });
}

/** Throws E_SUFFIX for a request that a model cannot heed, as it writes from left to right. */
export function assertNoSuffix({ suffix }: GenerationRequest, where: string): void {
  if (suffix === undefined || suffix.length === 0) return;
  fail({
    code: "E_SUFFIX",
    where,
    expected: "no text behind the one to be written: the model reads from left to right",
    got: suffix.length === 1 ? "1 token" : `${suffix.length} tokens`,
    hint: 'Models of diffusion ("masked-diffusion", "d3pm") see both sides.',
  });
}

function failBusy(): never {
  fail({
    code: "E_BUSY",
    where: "generator",
    expected: "one generation at a time",
    got: "a second one",
    hint: "Create another generator over the same engine: they share its parameters.",
  });
}
