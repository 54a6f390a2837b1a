import { fail } from "../tensor/index.ts";
import type { SamplerInput } from "./sampling/sampler.ts";

export interface GenerationRequest {
  /** Ids to continue; where there are none, next-token models begin behind the generator's `start` token. */
  prompt: Int32Array;
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
  /** Tokens as they come; `return` value: what `generate` returns. */
  stream(request: GenerationRequest): AsyncGenerator<number, Generation>;
  generate(request: GenerationRequest): Promise<Generation>;
  /** Drops programs and states; parameters stay in the engine. */
  dispose(): Promise<void>;
}

/** Times of a generation, without what happens between its tokens. */
export class Stopwatch {
  private firstMs = 0;
  private laterMs = 0;
  private first = true;

  /** Adds the time that work takes: the first work counts as prefill. */
  async time<T>(work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await work();
    const ms = performance.now() - start;
    if (this.first) this.firstMs = ms;
    else this.laterMs += ms;
    this.first = false;
    return result;
  }

  timing(laterTokens: number): GenerationTiming {
    return { prefillMs: this.firstMs, tokensPerS: laterTokens === 0 ? 0 : (1000 * laterTokens) / this.laterMs };
  }
}

/** A generator from its stream: collects tokens, refuses overlapping calls, checks requests. */
export function generatorOf(
  stream: (request: GenerationRequest) => AsyncGenerator<number, GenerationTiming>,
  { vocabulary, dispose }: { vocabulary: number; dispose: () => Promise<void> },
): Generator {
  let busy = false;
  async function* guarded(request: GenerationRequest): AsyncGenerator<number, Generation> {
    assertRequest(request, vocabulary);
    if (busy) fail({ code: "E_BUSY", where: "generator", expected: "one generation at a time", got: "a second one", hint: "Create another generator over the same engine: they share its parameters." });
    busy = true;
    try {
      return yield* collected(stream(request), request);
    } finally {
      busy = false;
    }
  }
  return { stream: guarded, generate: (request) => exhaust(guarded(request)), dispose };
}

/** Passes tokens on until one of them ends the text. */
async function* collected(stream: AsyncGenerator<number, GenerationTiming>, { stop = [], onToken, tokens: most }: GenerationRequest): AsyncGenerator<number, Generation> {
  const tokens: number[] = [];
  let next = await stream.next();
  for (; !next.done; next = await stream.next()) {
    if (stop.includes(next.value)) {
      next = await stream.return({ prefillMs: 0, tokensPerS: 0 });
      break;
    }
    tokens.push(next.value);
    onToken?.(next.value);
    yield next.value;
    if (tokens.length === most) break;
  }
  return { tokens: Int32Array.from(tokens), timing: next.value as GenerationTiming };
}

async function exhaust<T>(stream: AsyncGenerator<unknown, T>): Promise<T> {
  for (;;) {
    const { done, value } = await stream.next();
    if (done) return value;
  }
}

function assertRequest({ prompt, tokens }: GenerationRequest, vocabulary: number): void {
  if (!Number.isInteger(tokens) || tokens < 1)
    fail({ code: "E_TOKENS", where: "request.tokens", expected: "a whole number from 1", got: String(tokens) });
  const strange = prompt.find((id) => id < 0 || id >= vocabulary);
  if (strange !== undefined)
    fail({ code: "E_PROMPT", where: "request.prompt", expected: `ids from 0 to ${vocabulary - 1}`, got: String(strange) });
}
