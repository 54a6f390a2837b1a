import type { Engine } from "../../engine/index.ts";
import { createRng } from "../../ops/index.ts";
import type { BuiltModel } from "../../spec/index.ts";
import { assertNoSuffix, type Generator, generatorOf, type TokenSource } from "../generation.ts";
import type { GeneratorOptions } from "../generator.ts";
import { nextPrefix } from "../prefix.ts";
import { createSampler, uniformAt } from "../sampling/sampler.ts";
import { assertFits } from "./assertions.ts";
import { Decoder } from "./decoder.ts";

/** Writes from left to right, one token a step. */
export function autoregressiveGenerator(
  engine: Engine,
  { model, extraTokens }: BuiltModel,
  options: GeneratorOptions,
): Generator {
  const start = extraTokens["start"] ?? options.start ?? 0;
  const decoder = new Decoder(engine, model, {
    prefix: nextPrefix(),
    ...(options.programs !== undefined && { programs: options.programs }),
  });
  const source: TokenSource = async function* (request, watch) {
    const { prompt, source: read, tokens, sampler, seed = 0, signal } = request;
    assertNoSuffix(request, model.spec.name);
    assertFits(model, Math.max(1, prompt.length) + tokens - 1);
    const choose = createSampler(sampler);
    const rng = createRng(seed).fork("generate");
    const ids = prompt.length === 0 ? [start] : Array.from(prompt);
    if (model.readsSource && prompt.length > 0) ids.unshift(start);
    let [logits] = await watch.time(() =>
      decoder.prefill([Int32Array.from(ids)], { signal, ...(read && { sources: [read] }) }),
    );
    for (let position = 0; ; position++) {
      signal?.throwIfAborted();
      const id = choose(logits!, { ids, uniform: () => uniformAt(rng, position) });
      if (id === extraTokens["end"]) return;
      yield id;
      ids.push(id);
      [logits] = await watch.time(() => decoder.step(Int32Array.of(id)));
    }
  };
  const ids = model.vocabulary - Object.keys(extraTokens).length;
  return generatorOf(source, { ids, dispose: () => decoder.dispose() });
}
