import type { Model } from "../../model/index.ts";
import { fail } from "../../tensor/index.ts";

/** Throws E_DECODE, naming the first such layer, where a model cannot be decoded token by token. */
export function assertDecodes({ spec, decodes, parts }: Model): void {
  if (decodes) return;
  const part = parts.find((one) => !one.where.startsWith("encoder") && !one.decodes) ?? parts.at(-1)!;
  fail({
    code: "E_DECODE",
    where: `${spec.name}: ${part.where}`,
    expected:
      part.family === "mixers"
        ? "a mixer that keeps a state while decoding"
        : "a part that lets tokens be made one by one",
    got: part.family === "mixers" ? `${part.kind}, which keeps none as it is set` : part.kind,
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
