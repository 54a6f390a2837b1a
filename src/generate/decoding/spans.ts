import type { Engine } from "../../engine/index.ts";
import { createRng } from "../../ops/index.ts";
import type { BuiltModel } from "../../spec/index.ts";
import { assertNoSuffix, type Generator, generatorOf, type TokenSource } from "../generation.ts";
import type { GeneratorOptions } from "../generator.ts";
import { nextPrefix } from "../prefix.ts";
import { createSampler, uniformAt } from "../sampling/sampler.ts";
import { Decoder, type NextLogits } from "./decoder.ts";

const defaultContext = 512;

/**
 * Writes span by span: the encoder reads the end of prompt and text with a sentinel behind it, the decoder says what the sentinel
 * stands for, and that joins the text. A span has at least one token and ends where the model puts another sentinel or the end.
 */
export function spanGenerator(
  engine: Engine,
  { model, extraTokens }: BuiltModel,
  { context = defaultContext, programs }: GeneratorOptions,
): Generator {
  const [start, sentinel] = [extraTokens["start"]!, extraTokens["sentinel0"]!];
  const own = model.vocabulary - Object.keys(extraTokens).length;
  const seen = Math.min(context, model.limit) - 1;
  const decoder = new Decoder(engine, model, { prefix: nextPrefix(), ...(programs !== undefined && { programs }) });
  const source: TokenSource = async function* (request, watch) {
    const { prompt, sampler, seed = 0, signal } = request;
    assertNoSuffix(request, model.spec.name);
    const choose = createSampler(sampler);
    const rng = createRng(seed).fork("generate");
    const ids = Array.from(prompt);
    let drawn = 0;
    const draw = (logits: NextLogits[number]) => choose(logits, { ids, uniform: () => uniformAt(rng, drawn++) });
    for (;;) {
      const read = Int32Array.of(...ids.slice(-seen), sentinel);
      const begin = decoder.prefill([Int32Array.of(start, sentinel)], { signal, sources: [read] });
      let [logits] = await watch.time(() => begin);
      // A span without tokens would never end the text.
      let id = draw(logits!.map((score, k) => (k < own ? score : Number.NEGATIVE_INFINITY)));
      for (let length = 2; id < own; length++) {
        signal?.throwIfAborted();
        yield id;
        ids.push(id);
        if (length === seen) break;
        const next = id;
        [logits] = await watch.time(() => decoder.step(Int32Array.of(next)));
        id = draw(logits!);
      }
    }
  };
  return generatorOf(source, { ids: own, dispose: () => decoder.dispose() });
}
