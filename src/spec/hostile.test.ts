import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { createRun, loadCheckpoint, type Run, saveCheckpoint } from "../checkpoints/index.ts";
import { createRng } from "../ops/index.ts";
import { SeqlabError } from "../tensor/index.ts";
import { buildSpec, canonicalSpec, loadSpec, parseSpecText, shippedSpecs } from "./index.ts";
import { hostileTexts, mutatedSpec, mutatedText } from "./mutations.fixture.ts";

const source = (name: string): string => readFileSync(new URL(`../../specs/${name}.json`, import.meta.url), "utf8");
const texts = shippedSpecs().map(source);

/** What became of a spec: a clear error, or a canonical form that is a fixed point. Anything else throws. */
function judge(make: () => unknown): "rejected" | "legal" {
  try {
    const canonical = canonicalSpec(make(), "broken.yaml");
    expect(canonicalSpec(canonical)).toEqual(canonical);
    expect(canonicalSpec(JSON.parse(JSON.stringify(canonical)))).toEqual(canonical);
    buildSpec(canonical, { tokens: 300 });
    return "legal";
  } catch (error) {
    expectClear(error);
    return "rejected";
  }
}

function expectClear(error: unknown): void {
  if (!(error instanceof SeqlabError)) throw error;
  expect(error.message).toMatch(/^[^\n]+: expected [^\n]+ \[E_[A-Z_0-9]+\]$/);
  expect(error.message.length).toBeLessThan(1500);
}

describe("broken specs", () => {
  test("1,300 mutations of the shipped specs are rejected clearly, or legal with the same canonical form", () => {
    const rng = createRng(20260101);
    const verdicts = Array.from({ length: 1300 }, (_, i) =>
      judge(() => mutatedSpec(JSON.parse(texts[i % texts.length]!), rng.fork(i))),
    );
    expect(verdicts.filter((verdict) => verdict === "rejected").length).toBeGreaterThan(900);
    expect(verdicts).toContain("legal");
  });

  test("700 mutations of their texts likewise", () => {
    const rng = createRng(20260102);
    const verdicts = Array.from({ length: 700 }, (_, i) =>
      judge(() => parseSpecText(mutatedText(texts[i % texts.length]!, rng.fork(i)), "broken.yaml")),
    );
    expect(verdicts.filter((verdict) => verdict === "rejected").length).toBeGreaterThan(300);
  });

  test.each(Object.entries(hostileTexts))("%s is rejected at once", (_, text) => {
    expect(judge(() => parseSpecText(text, "hostile.yaml"))).toBe("rejected");
  });

  test("prototypes stay as they are", () => {
    judge(() => JSON.parse('{"__proto__":{"polluted":1},"name":"a","width":8,"layers":[]}'));
    judge(() => parseSpecText("__proto__: { polluted: 1 }\nconstructor: { prototype: { polluted: 1 } }", "p.yaml"));
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe("corrupted checkpoints", () => {
  const folder = mkdtempSync(join(tmpdir(), "seqlab-corrupt-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const spec = loadSpec("lstm");
  const data = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i));
  const tensors = { a: { dtype: "F32" as const, shape: [4, 6], data } };

  function fresh(name: string): { run: Run; path: string } {
    const run = createRun(folder, name, { spec: JSON.parse(JSON.stringify(spec)), data: null, protocol: null });
    const { path } = saveCheckpoint(run, {
      step: 3,
      weights: tensors,
      optimizer: tensors,
      state: { step: 3, data: [1, 2] },
    });
    return { run, path };
  }

  test("300 damages are all noticed, each with a clear error", () => {
    const rng = createRng(20260103);
    const { run, path } = fresh("damaged");
    const files = readdirSync(path);
    const whole = new Map(files.map((file) => [file, readFileSync(join(path, file))]));
    for (let i = 0; i < 300; i++) {
      const draw = rng.fork(i);
      const file = files[draw.below(files.length)]!;
      const bytes = whole.get(file)!;
      damage(join(path, file), bytes, draw);
      expect(() => loadCheckpoint(run, 3), `${file}, damage ${i}`).toThrow(SeqlabError);
      expect(() => loadCheckpoint(run), `${file}, damage ${i}`).toThrow(/\[E_CHECKPOINT_NONE\]$/);
      writeFileSync(join(path, file), bytes);
    }
    expect(loadCheckpoint(run).weights).toEqual(tensors);
  });

  test("of two checkpoints the older is used where the newer is damaged, and the reason is told", () => {
    const { run, path } = fresh("two");
    saveCheckpoint(run, { step: 7, weights: tensors, optimizer: tensors, state: null });
    writeFileSync(join(path, "../7/weights.safetensors"), "x");
    const loaded = loadCheckpoint(run);
    expect(loaded.step).toBe(3);
    expect(loaded.skipped.map(({ step }) => step)).toEqual([7]);
    expect(existsSync(join(path, "../7"))).toBe(true);
  });

  function damage(path: string, bytes: Buffer, draw: ReturnType<typeof createRng>): void {
    const at = draw.below(bytes.length);
    const flipped = Buffer.from(bytes);
    flipped[at]! ^= 1 << draw.below(8);
    const ways = [
      () => writeFileSync(path, flipped),
      () => writeFileSync(path, bytes.subarray(0, at)),
      () => writeFileSync(path, Buffer.concat([bytes, Buffer.from("\0")])),
      () => rmSync(path),
    ];
    ways[draw.below(ways.length)]!();
  }
});
