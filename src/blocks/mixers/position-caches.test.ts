import { afterAll, expect, test } from "vitest";
import { createReferenceEngine } from "../../engine/index.ts";
import { buildSpec, canonicalSpec } from "../../spec/index.ts";
import { decodingError, loadStart, randomRows } from "../../testing/model-trial.ts";
import { families } from "../families.ts";

const schemes = Object.values(families.positions)
  .filter(({ rotate, bias }) => rotate ?? bias)
  .map(({ kind }) => kind);
const mixers = ["attention", "differential-attention", "moa", "switchhead"];

const engine = createReferenceEngine();
afterAll(() => engine.close());

test.each(mixers.flatMap((kind) => schemes.map((scheme) => [kind, scheme] as const)))(
  "%s with %s decodes what it reads at once: keys are cached as wide as the scheme leaves them",
  async (kind, scheme) => {
    const layers = [{ mixer: { kind, heads: kind === "moa" ? undefined : 2, positions: { kind: scheme } } }];
    const spec = JSON.parse(JSON.stringify({ name: "cached", width: 16, layers }));
    const built = buildSpec(canonicalSpec(spec), { tokens: 7 });
    await loadStart(engine, built, 1);
    expect(await decodingError(engine, built, randomRows(built, 2))).toBeLessThan(1e-6);
  },
);
