import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { describeWeights } from "./attention-probe.ts";
import type { CellResult, FinishedCell } from "./cell.ts";
import { changed } from "./changes.ts";
import { factorialEffects } from "./effects.ts";
import { loadStudy, parseStudy, shippedStudies } from "./load.ts";
import { cellHash, planCells, protocolHash } from "./plan.ts";
import { runStudy, type StudyEvent } from "./run-study.ts";
import { figureOf, groupsOf, judge } from "./summary.ts";

const folder = mkdtempSync(join(tmpdir(), "seqlab-study-"));
afterAll(() => rmSync(folder, { recursive: true }));

const layer = { mixer: { kind: "attention", heads: 2 }, channel: { kind: "mlp" } };
const tiny = {
  name: "tiny",
  title: "A tiny study",
  question: "Does it run?",
  spec: { name: "tiny", width: 8, layers: [{ repeat: 2, ...layer }] },
  training: { steps: 3, batch: 2, length: 8 },
  data: { kind: "synthetic", task: "copy" },
  factors: [
    { name: "heads", path: "spec.layers.*.mixer.heads", values: [1, 2] },
    { name: "rate", path: "training.optimizer.learningRate", values: [0.001, 0.01] },
  ],
  seeds: 2,
  probes: ["attention", "gradients"],
  measures: ["bits", "accuracy"],
  examples: 8,
};

describe("plan", () => {
  test("cells are the product of levels and seeds, each with its values set", () => {
    const cells = planCells(parseStudy(tiny, "tiny"));
    expect(cells.map(({ levels, seed }) => [...Object.values(levels), seed])).toEqual(
      ["1", "2"].flatMap((heads) => ["0.001", "0.01"].flatMap((rate) => [0, 1].map((seed) => [heads, rate, seed]))),
    );
    expect(cells[0]!.spec.layers.map(({ mixer }) => mixer["heads"])).toEqual([1, 1]);
    expect(cells.at(-1)!.config).toMatchObject({ seed: 1, steps: 3, optimizer: { learningRate: 0.01 } });
    expect(new Set(cells.map(cellHash)).size).toBe(8);
  });

  test("one at a time leaves the base and each other level alone", () => {
    const cells = planCells(parseStudy({ ...tiny, design: "one-at-a-time", seeds: 1 }, "tiny"));
    expect(cells.map(({ levels }) => Object.values(levels))).toEqual([
      ["1", "0.001"],
      ["2", "0.001"],
      ["1", "0.01"],
    ]);
  });

  test("the larger protocol multiplies steps and sets what it names", () => {
    const larger = { steps: 5, seeds: 1, set: { "training.batch": 4 } };
    const [cell, ...others] = planCells(parseStudy({ ...tiny, larger }, "tiny"), { larger: true });
    expect(others).toHaveLength(3);
    expect(cell!.config).toMatchObject({ steps: 15, batch: 4 });
  });

  test("what a study says of itself does not change its protocol, what it runs does", () => {
    const of = (more: object) => protocolHash(parseStudy({ ...tiny, ...more }, "tiny"));
    expect(of({ title: "Another", measures: ["accuracy"] })).toBe(of({}));
    expect(of({ training: { steps: 4 } })).not.toBe(of({}));
  });

  test.each(shippedStudies())(
    "%s is whole: both protocols can be planned, claims and figures name what there is",
    (name) => {
      const study = loadStudy(name);
      expect(study.name).toBe(name);
      const [cells, larger] = [planCells(study), planCells(study, { larger: true })];
      const steps = (all: typeof cells) => all.reduce((sum, { config }) => sum + config.steps, 0);
      expect(new Set(cells.map(({ seed }) => seed)).size).toBeGreaterThanOrEqual(3);
      expect(steps(larger)).toBeGreaterThan(steps(cells));
      const levels = new Map(study.factors.map((factor) => [factor.name, factor.levels.map(({ label }) => label)]));
      const selectors = study.claims.flatMap((claim) => (claim.kind === "lower" ? [claim.of, claim.than] : [claim.of]));
      for (const selector of [...selectors, ...study.figures.map(({ where }) => where)])
        for (const [factor, labels] of Object.entries(selector))
          expect(levels.get(factor)).toEqual(expect.arrayContaining([labels].flat()));
      for (const { x, lines } of study.figures) {
        expect(["step", "test", ...levels.keys()]).toContain(x);
        if (lines !== undefined) expect([...levels.keys()]).toContain(lines);
      }
    },
  );
});

describe("changes", () => {
  test("a path sets a value, * those of all elements, and the original stays", () => {
    const data = { a: [{ b: 1 }, { b: 2 }], c: 3 };
    expect(changed(data, { "a.*.b": 5, "a.1.d": 6, "e.f": 7 })).toEqual({
      a: [{ b: 5 }, { b: 5, d: 6 }],
      c: 3,
      e: { f: 7 },
    });
    expect(data.a[0]!.b).toBe(1);
  });
  test.each(["a.7.b", "c.d"])("%s leads nowhere", (path) => {
    expect(() => changed({ a: [1], c: 3 }, { [path]: 0 })).toThrow(/E_STUDY_PATH/);
  });
});

describe("running", () => {
  test("cells are measured, kept, and found again by a second run; a broken file name is no cell", async () => {
    const study = parseStudy(tiny, "tiny");
    const options = { folder, threads: 1, workers: 2, seeds: 1 };
    const cells = await runStudy(study, options);
    const { result } = cells[0]!;
    expect(result).toMatchObject({ outcome: "trained", steps: 3, tokens: 48 });
    expect(result.gradientNorms).toHaveLength(2);
    expect(result.attention!.entropy.map((heads) => heads.length)).toEqual([1, 1]);
    expect(result.tests[0]!.scores).toHaveProperty("exact match");
    const file = readdirSync(join(folder, "tiny"))[0]!;
    rmSync(join(folder, "tiny", file));
    writeFileSync(join(folder, "tiny", `${file}.new`), '{"outcome":');
    const events: StudyEvent[] = [];
    const again = await runStudy(study, { ...options, onEvent: (event) => events.push(event) });
    expect(events[0]).toEqual({ kind: "plan", cells: 4, finished: 3 });
    expect(events.filter(({ kind }) => kind === "end")).toHaveLength(1);
    const timeless = (all: readonly FinishedCell[]) =>
      all.map((cell) => ({ ...cell, result: { ...cell.result, seconds: 0 } }));
    expect(timeless(again)).toEqual(timeless(cells));
  });

  test("what has no meaning and what diverges are results", async () => {
    const wild = { ...tiny.training, steps: 30, optimizer: { kind: "sgd", learningRate: 1e30, clipNorm: null } };
    const factors = [
      {
        name: "case",
        levels: [
          {
            label: "objective",
            set: { "spec.objective": { kind: "masked-diffusion" }, "spec.layers.*.mixer.causal": false },
          },
          { label: "length", set: { "spec.embedding": { kind: "token", positions: { kind: "learned", max: 4 } } } },
          { label: "wild", set: { training: wild } },
        ],
      },
    ];
    const study = parseStudy({ ...tiny, name: "odd", factors }, "odd");
    const cells = await runStudy(study, { folder, threads: 1, workers: 1, seeds: 1 });
    expect(cells.map(({ result }) => result.outcome)).toEqual(["undefined", "undefined", "diverged"]);
    expect(figureOf({ cells: cells.slice(2) }, "failed")).toMatchObject({ mean: 1 });
  });

  test("an aborted study stops between steps", async () => {
    const study = parseStudy({ ...tiny, name: "stopped", training: { ...tiny.training, steps: 100_000 } }, "stopped");
    const stop = new AbortController();
    const onEvent = (event: StudyEvent) => event.kind === "progress" && stop.abort("enough");
    await expect(runStudy(study, { folder, threads: 1, workers: 1, signal: stop.signal, onEvent })).rejects.toBe(
      "enough",
    );
  });
});

const result = (trainLoss: number, accuracy: number, outcome: CellResult["outcome"] = "trained"): CellResult => ({
  ...{ outcome, parameters: 1, flopsPerToken: 1, tuned: {}, steps: 1, tokens: 1, curve: [trainLoss], seconds: 0 },
  ...{ meanLoss: trainLoss, trainLoss, frequencyNats: 2 },
  tests:
    outcome === "trained" ? [{ label: "test", bits: trainLoss / Math.LN2, kind: "exact", scores: { accuracy } }] : [],
});

describe("summary", () => {
  const cells = [1, 2].flatMap((level) =>
    [0, 1, 2].map((seed) => ({ levels: { x: String(level) }, seed, result: result(level + 0.1 * seed, 0.5) })),
  );
  const claim = {
    kind: "lower",
    text: "t",
    measure: "trainLoss",
    of: { x: "1" },
    than: { x: "2" },
    ofIs: "mean",
    thanIs: "mean",
  } as const;

  test("figures are means with spread over seeds", () => {
    expect(groupsOf(cells).map((group) => figureOf(group, "trainLoss"))).toEqual([
      { mean: expect.closeTo(1.1), spread: expect.closeTo(0.2), n: 3 },
      { mean: expect.closeTo(2.1), spread: expect.closeTo(0.2), n: 3 },
    ]);
  });

  test("a claim is judged seed by seed", () => {
    expect(judge(claim, cells)).toMatchObject({
      holds: "all",
      seeds: { hold: 3, of: 3 },
      found: { mean: expect.closeTo(1) },
    });
    expect(judge({ ...claim, of: { x: "2" }, than: { x: "1" } }, cells)).toMatchObject({
      holds: "none",
      seeds: { hold: 0 },
    });
    const least = { kind: "at-least", text: "t", measure: "accuracy", of: {}, value: 0.6 } as const;
    expect(judge(least, cells).holds).toBe("none");
    expect(judge({ ...least, value: 0.5 }, cells).holds).toBe("all");
  });

  test("what is not defined is not refuted", () => {
    const odd = cells.map((cell) => (cell.levels.x === "1" ? { ...cell, result: result(1, 0, "undefined") } : cell));
    expect(judge(claim, odd)).toMatchObject({ holds: "undefined", seeds: { hold: 0, of: 0 } });
  });

  test("who diverged loses", () => {
    const wild = cells.map((cell) => (cell.levels.x === "1" ? { ...cell, result: result(0.1, 0, "diverged") } : cell));
    for (const measure of ["bits", "trainLoss"] as const) expect(judge({ ...claim, measure }, wild).holds).toBe("none");
    expect(figureOf({ cells: wild }, "accuracy")).toMatchObject({ n: 3 });
  });
});

test("effects of a 2² factorial are those of the textbook formula, and their interval holds the noise", () => {
  const factors = ["a", "b"].map((name) => ({ name, levels: [0, 1].map((one) => ({ label: String(one), set: {} })) }));
  // 10 + 3a + 1b + 0.5ab in signs ±1, seeds 0.2 apart: effects are twice the coefficients.
  const cells = [0, 1].flatMap((a) =>
    [0, 1].flatMap((b) =>
      [-0.1, 0.1].map((noise, seed) => {
        const [x, y] = [2 * a - 1, 2 * b - 1];
        return {
          levels: { a: String(a), b: String(b) },
          seed,
          result: result(10 + 3 * x + y + 0.5 * x * y + noise, 0),
        };
      }),
    ),
  );
  const found = factorialEffects(cells, { factors, measure: "trainLoss" });
  expect(found.map(({ factors: of, value }) => [of.join("×"), value])).toEqual([
    ["a", expect.closeTo(6)],
    ["b", expect.closeTo(2)],
    ["a×b", expect.closeTo(1)],
  ]);
  // s² = 0.02 within cells, standard error √(4·0.02/8) = 0.1, t(4) at 97.5 % = 2.7764.
  expect(found[0]!.high - found[0]!.value).toBeCloseTo(0.27764, 4);
});

test("attention: uniform weights have entropy 1 and no distance, one-hot ones on different keys entropy 0 and distance 1", () => {
  const uniform = describeWeights([{ shape: [1, 2, 1, 4], values: new Float32Array(8).fill(0.25) }]);
  expect(uniform).toEqual({ entropy: [[expect.closeTo(1), expect.closeTo(1)]], largest: 0.25, headDistance: 0 });
  const hot = describeWeights([{ shape: [1, 2, 1, 2], values: Float32Array.of(1, 0, 0, 1) }]);
  expect(hot).toEqual({ entropy: [[0, 0]], largest: 1, headDistance: 1 });
});

test("messages name the file and the place", () => {
  expect(() => loadStudy("warm-up")).toThrow(/Did you mean "warmup"/);
  expect(() => parseStudy({ ...tiny, measures: ["speed"] }, "mine.json")).toThrow(/mine\.json\.measures\[0\].*E_STUDY/);
  const wrong = { ...tiny, factors: [{ name: "x", path: "spec.layers.9.mixer", values: [1, 2] }] };
  expect(() => planCells(parseStudy(wrong, "mine.json"))).toThrow(/E_STUDY_PATH/);
});
