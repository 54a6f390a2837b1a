import { afterAll, describe, expect, test } from "vitest";
import { createReferenceEngine, type Engine } from "../engine/index.ts";
import { createRng } from "../ops/index.ts";
import { buildSpec, canonicalSpec } from "../spec/index.ts";
import { nativeEngine } from "./index.ts";
import { decodingError, loadFile, loadStart, logitsOf, randomRows, trainTrial, writeTrial } from "./model-trial.ts";
import { randomSpec, randomTokens } from "./random-spec.ts";

/** `SEQLAB_RANDOM_SPECS=500 npx vitest run src/testing/random-spec.test.ts` tries more; a seed that fails says its number. */
const count = Number(process.env["SEQLAB_RANDOM_SPECS"] ?? 25);
const first = Number(process.env["SEQLAB_RANDOM_SPECS_FROM"] ?? 0);
/** A vitest test of its own each: a failure names its seed. */
const seeds = Array.from({ length: count }, (_, i) => first + i);

const reference = createReferenceEngine();
afterAll(() => reference.close());

async function tryOut(engine: Engine, seed: number, tolerance: number): Promise<void> {
  const spec = randomSpec(createRng(seed));
  expect(canonicalSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
  const built = buildSpec(spec, { tokens: randomTokens });
  const { losses, file } = await trainTrial(engine, built, { steps: 3 });
  for (const loss of losses) expect(loss, JSON.stringify(spec)).toBeGreaterThanOrEqual(0);
  const rows = randomRows(built, 7);
  await loadFile(engine, built, file);
  const trained = await logitsOf(engine, built, { rows });
  expect(trained.every(Number.isFinite)).toBe(true);
  await loadStart(engine, built, 5);
  expect(await logitsOf(engine, built, { rows })).not.toEqual(trained);
  await loadFile(engine, built, file);
  expect(await logitsOf(engine, built, { rows })).toEqual(trained);
  await decodes(engine, built, { rows, tolerance });
}

async function decodes(
  engine: Engine,
  built: ReturnType<typeof buildSpec>,
  { rows, tolerance }: { rows: ReturnType<typeof randomRows>; tolerance: number },
): Promise<void> {
  const { spec, decodes } = built.model;
  const { kind } = spec.objective;
  if (decodes) expect(await decodingError(engine, built, rows), JSON.stringify(spec)).toBeLessThan(tolerance);
  // A model that can be run token by token writes only where that is what it was trained for.
  if (!(decodes && kind !== "masked-lm") && !["masked-diffusion", "d3pm"].includes(kind)) return;
  const written = await writeTrial(engine, built, rows);
  expect(written.length).toBeLessThanOrEqual(3);
  for (const id of written) expect(id).toBeLessThan(built.model.vocabulary);
}

describe("specs drawn at random train three steps, come back from a file, and write", () => {
  test.each(seeds)("seed %i, on the native engine", (seed) => tryOut(nativeEngine(), seed, 2e-3));
  test.each(seeds.slice(0, 4))("seed %i, on the reference engine", (seed) => tryOut(reference, seed, 1e-6));
});

test("the same seed draws the same spec, others draw others", () => {
  const specsOf = () => Array.from({ length: 10 }, (_, seed) => JSON.stringify(randomSpec(createRng(seed))));
  const specs = specsOf();
  expect(specs).toEqual(specsOf());
  expect(new Set(specs).size).toBe(10);
});
