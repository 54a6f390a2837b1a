import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Comparison } from "../analysis/index.ts";
import { createWorkplace, type Outcome } from "./cli.fixture.ts";

const place = createWorkplace();
afterAll(() => place.remove());

const objective = { kind: "sequence-to-sequence" };
const gru = { mixer: { kind: "gru" } };
const specs = {
  states: { encoder: { layers: [gru], bridge: "state" }, layers: [gru] },
  looking: { encoder: { layers: [gru] }, layers: [{ ...gru, cross: { kind: "cross-attention", heads: 2 } }] },
};
for (const [name, spec] of Object.entries(specs))
  writeFileSync(join(place.folder, `${name}.json`), JSON.stringify({ name, width: 16, objective, ...spec }));

const shared = "--size params=12k --budget tokens=6k --seeds 2 --batch 8 --length 32 --threads 1 --learning-rate 0.01";
const compare = (...args: string[]) => place.run(["compare", ...args]);

let outcome: Outcome;
beforeAll(async () => {
  const args = ["states.json", "looking.json", "--task", "g2p", "--score-examples", "16", ...shared.split(" ")];
  outcome = await compare(...args, "--folder", "work", "--json");
}, 120_000);

test("encoder–decoders are compared on held-out words: same tokens, same size, scores over seeds", () => {
  expect(outcome.status, outcome.stderr).toBe(0);
  const { protocol, results, wordShare } = JSON.parse(outcome.stdout) as Comparison;
  expect(wordShare).toBeUndefined();
  expect(results.map(({ spec }) => spec).sort()).toEqual(["looking", "states"]);
  expect(new Set(results.map(({ tokens }) => tokens)).size).toBe(1);
  expect(results[0]!.tokens).toBeLessThanOrEqual(6000);
  for (const result of results) {
    expect(Math.abs(result.params / 12_000 - 1)).toBeLessThan(0.03);
    expect(result.scores!.map(({ name }) => name)).toEqual(["word error rate", "phoneme error rate"]);
    for (const score of result.scores!)
      expect(score).toEqual({
        ...{ name: score.name, unit: "%", better: "lower", signature: "16 words, greedy" },
        ...{ mean: expect.any(Number), spread: expect.any(Number), n: 2 },
      });
    expect(result.sample!.text.split("\n")).toHaveLength(6);
  }
  expect(protocol).toMatchObject({
    tokens: results[0]!.tokens,
    data: {
      name: "cmudict",
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      trainBytes: null,
      task: { kind: "g2p", bitsPer: "target byte", facts: { phonemes: 39, stress: false } },
    },
    tokenizer: { size: 66, bytesPerToken: null },
  });
});

test("the report has a section for the scores, the split's provenance and the encoders", async () => {
  const page = readFileSync(join(place.folder, "seqlab-report.html"), "utf8");
  expect(page).toContain('<section id="scores"');
  expect(page).toContain("Phoneme error rate".toLowerCase());
  expect(page).toContain("bits per target byte");
  expect(page).toContain("held out where FNV-1a");
  expect(page.split('class="memory"')).toHaveLength(1 + 2);
});

test("--resume repeats nothing; another dataset in the same jobs would be another comparison", async () => {
  const { status, stdout, stderr } = await compare("--resume", "--folder", "work");
  expect(status, stderr).toBe(0);
  expect(stderr.match(/\(done before\)$/gm)).toHaveLength(6);
  expect(stdout).toMatch(/^model +word error rate +phoneme error rate$/m);
  expect(stdout).toMatch(/What (states|looking) answers:\n {2}AAA → /);
}, 60_000);

test("a synthetic task ranks by bits per answer and prints accuracy beside chance", async () => {
  const args = ["tiny.json", "--task", "copy", "--task-options", "symbols=4", "--length", "16"];
  const small = "--size as-is --budget tokens=1k --seeds 1 --batch 4 --threads 1 --score-examples 32";
  const { status, stdout, stderr } = await compare(...args, ...small.split(" "), "--report", "copy.html");
  expect(status, stderr).toBe(0);
  expect(stdout).toMatch(/^# +model +bits\/answer/);
  expect(stdout).toMatch(/^ +% +%, chance 25\.0$/m);
}, 60_000);

test("a spec that the task cannot train is named before anything is trained", async () => {
  const { status, stderr } = await compare("states.json", "tiny.json", "--task", "g2p", ...shared.split(" "));
  expect(status).toBe(1);
  expect(stderr).toMatch(/error: tiny: objective: expected "sequence-to-sequence".*\[E_TASK_OBJECTIVE\]\n$/);
  expect(stderr).not.toContain("seed 0");
}, 60_000);

test("a task of questions and answers serves both kinds of models, but not in one comparison", async () => {
  const { status, stderr } = await compare("states.json", "tiny.json", "--task", "parsing", ...shared.split(" "));
  expect(status).toBe(2);
  expect(stderr).toMatch(/--task parsing: expected specs of one objective.*"next-token" and "sequence-to-sequence"/);
  const args = ["states.json", "--task", "parsing", "--lengths", "4..6", "--length", "40", "--batch", "4"];
  const small = "--size as-is --budget tokens=1k --seeds 1 --threads 1 --score-examples 8 --json --folder trees";
  const outcome = await compare(...args, ...small.split(" "), "--report", "trees.html");
  expect(outcome.status, outcome.stderr).toBe(0);
  const { results } = JSON.parse(outcome.stdout) as Comparison;
  const names = ["exact match", "labelled F1", "labelled precision", "labelled recall"];
  expect(results[0]!.scores!.map(({ name, unit }) => [name, unit])).toEqual(names.map((name) => [name, "share"]));
  expect(results[0]!.sample!.text).toMatch(/^\w+( \S+)* \. → /);
}, 60_000);
