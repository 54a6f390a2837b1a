import { Decoder } from "../decoding/decoder.ts";
import { nextPrefix } from "../prefix.ts";
import { argmax, type Logits } from "../sampling/softmax.ts";
import { figureOf, msOf, repeated } from "./figure.ts";
import type { Measure, MeasuredContext } from "./measure.ts";

/** Time to the first token behind a real prompt, rate behind it, and time of a token behind states of given sizes. */
export const measureAutoregressive: Measure = async (engine, { model, extraTokens }, options) => {
  const { prompt, promptTokens, tokens, contexts, warmup, repeats, onStage } = options;
  const timed = prompt.subarray(0, Math.min(promptTokens, model.limit - warmup - tokens));
  const decoder = new Decoder(engine, model, { prefix: nextPrefix() });
  try {
    const writer = new Writer(decoder, model.readsSource ? extraTokens["start"] : undefined);
    const write = async () => {
      const firstMs = await msOf(() => writer.begin(timed));
      await writer.write(warmup);
      return { firstMs, tokensPerS: (1000 * tokens) / (await msOf(() => writer.write(tokens))) };
    };
    await write();
    const runs = await repeated(repeats, write);
    onStage("prompt");
    const measured: MeasuredContext[] = [];
    for (const context of contexts.filter((tokens) => tokens <= model.limit)) {
      measured.push(await timeContext(decoder, context, options));
      onStage({ context });
    }
    return {
      firstTokenMs: figureOf(runs.map(({ firstMs }) => firstMs)),
      decodeTokensPerS: figureOf(runs.map(({ tokensPerS }) => tokensPerS)),
      contexts: measured,
      promptTokens: timed.length,
      ...(timed.length < promptTokens && { note: `prompt of ${timed.length} tokens` }),
    };
  } finally {
    await decoder.dispose();
  }
};

/** The last tokens up to a context, the ones before it never read. */
async function timeContext(
  decoder: Decoder,
  context: number,
  { contextTokens, warmup, repeats }: Parameters<Measure>[2],
): Promise<MeasuredContext> {
  await decoder.skipTo(Math.max(1, context - warmup - repeats * contextTokens));
  const writer = new Writer(decoder);
  await writer.write(warmup);
  const times = await repeated(repeats, () => msOf(() => writer.write(contextTokens)));
  const { used, allocated } = decoder.bytes();
  return {
    context,
    msPerToken: figureOf(times.map((ms) => ms / contextTokens)),
    stateBytes: used,
    allocatedBytes: allocated,
  };
}

/** Always writes the likeliest token. */
class Writer {
  private readonly decoder: Decoder;
  private readonly start: number | undefined;
  private logits: Logits = [0];

  /** `start` begins the text of a model whose prompt is a source. */
  constructor(decoder: Decoder, start?: number) {
    this.decoder = decoder;
    this.start = start;
  }

  async begin(prompt: Int32Array): Promise<void> {
    const { start } = this;
    const read =
      start === undefined
        ? this.decoder.prefill([prompt])
        : this.decoder.prefill([Int32Array.of(start)], { sources: [prompt] });
    this.logits = (await read)[0]!;
  }

  async write(tokens: number): Promise<void> {
    for (let i = 0; i < tokens; i++) this.logits = (await this.decoder.step(Int32Array.of(argmax(this.logits))))[0]!;
  }
}
