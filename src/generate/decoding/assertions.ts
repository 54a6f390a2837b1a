import { families } from "../../blocks/index.ts";
import type { Model } from "../../model/index.ts";
import { fail } from "../../tensor/index.ts";

/** Throws E_DECODE, naming the first such layer, where a model cannot be decoded token by token. */
export function assertDecodes({ spec, decodes }: Model): void {
  if (decodes) return;
  const index = spec.layers.findIndex(({ mixer: { kind, ...c } }) => {
    const { capabilities, step } = families.mixers[kind]!;
    return step === undefined || (typeof capabilities === "function" ? capabilities(c) : capabilities).state === "none";
  });
  fail({
    code: "E_DECODE",
    where: `${spec.name}: layers[${index}].mixer`,
    expected: "a mixer that keeps a state while decoding",
    got: `${spec.layers[index]?.mixer.kind}, which keeps none as it is set`,
    hint: 'Models of the objective "masked-diffusion" write by denoising instead.',
  });
}

/** Throws E_CONTEXT where a model's position scheme does not define so many tokens. */
export function assertFits({ spec, limit }: Model, tokens: number): void {
  if (tokens > limit)
    fail({
      code: "E_CONTEXT",
      where: spec.name,
      expected: `at most ${limit} tokens of prompt and text, as its positions are defined`,
      got: String(tokens),
    });
}
