import { diffusionGenerator, diffusionSettings } from "../diffusion/generator.ts";
import type { Generator } from "../generation.ts";
import { figureOf, repeated } from "./figure.ts";
import type { Measure, MeasuredContext } from "./measure.ts";

/** Time to the first finished block, rate of the blocks behind it, and time of a token of a block that ends a given context. */
export const measureDiffusion: Measure = async (
  engine,
  built,
  { prompt, promptTokens, tokens, contexts, repeats, context, onStage },
) => {
  const { block, steps, context: seen } = diffusionSettings(built, context === undefined ? {} : { context });
  const generator = diffusionGenerator(engine, built, { context: seen });
  try {
    const timed = prompt.subarray(0, promptTokens);
    const write = () => timeBlocks(generator, timed, block * (1 + Math.ceil(tokens / block)));
    await write();
    const runs = await repeated(repeats, write);
    onStage("prompt");
    const measured: MeasuredContext[] = [];
    for (const size of windowsOf(contexts, { seen, block })) {
      const text = Int32Array.from({ length: size - block }, (_, i) => prompt[i % prompt.length]!);
      const once = () => timeBlocks(generator, text, block);
      await once();
      const times = (await repeated(repeats, once)).map(({ prefillMs }) => prefillMs / block);
      measured.push({ context: size, msPerToken: figureOf(times), stateBytes: null, allocatedBytes: null });
      onStage({ context: size });
    }
    return {
      firstTokenMs: figureOf(runs.map(({ prefillMs }) => prefillMs)),
      decodeTokensPerS: figureOf(runs.map(({ tokensPerS }) => tokensPerS)),
      contexts: measured,
      promptTokens: timed.length,
      note: `block of ${block} tokens, ${steps} denoising steps, window of ${seen} tokens`,
    };
  } finally {
    await generator.dispose();
  }
};

const timeBlocks = async (generator: Generator, prompt: Int32Array, tokens: number) =>
  (await generator.generate({ prompt, tokens, sampler: { temperature: 0 } })).timing;

/** Contexts that a window holds, and the whole window. */
function windowsOf(contexts: readonly number[], { seen, block }: { seen: number; block: number }): number[] {
  return [...new Set([...contexts.filter((context) => context >= block && context <= seen), seen])].sort(
    (a, b) => a - b,
  );
}
