import { globSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openDataset } from "../tasks/index.ts";
import { createWorkplace, said } from "./cli.fixture.ts";

const place = createWorkplace();
afterAll(() => place.remove());

/** A toy language: every word has one translation, in the same order. */
const words = "ein:a Hund:dog Mann:man sieht:sees großen:big Ball:ball".split(" ").map((pair) => pair.split(":"));
const pairs = Array.from({ length: 300 }, (_, i) =>
  Array.from({ length: 2 + (i % 3) }, (_, t) => words[(i * 7 + t * t * 3 + (i >> 2) * t) % words.length]!),
);
const side = (which: 0 | 1) => pairs.map((pair) => pair.map((word) => word[which]).join(" "));
const [source, target] = [side(0), side(1)];
const file = (name: string) => join(place.folder, name);
writeFileSync(file("toy.de"), source.join("\n"));
writeFileSync(file("toy.en"), target.join("\n"));
writeFileSync(file("toy.tsv"), source.map((line, i) => `${line}\t${target[i]}\n`).join(""));
writeFileSync(
  file("toy.jsonl"),
  source.map((de, i) => `${JSON.stringify({ pair: { de, en: target[i] } })}\n`).join(""),
);

const spec = {
  name: "pairs",
  width: 32,
  embedding: { kind: "token", scale: "sqrt-width", positions: { kind: "sinusoidal" } },
  dropout: 0.1,
  encoder: { layers: [{ mixer: { kind: "attention", causal: false }, channel: { kind: "mlp" } }] },
  layers: [{ mixer: { kind: "attention" }, cross: { kind: "cross-attention" }, channel: { kind: "mlp" } }],
  objective: { kind: "sequence-to-sequence", labelSmoothing: 0.1 },
};
writeFileSync(file("pairs.json"), JSON.stringify(spec));

const settings =
  "--tokenizer bpe --entries 300 --batch 8 --length 16 --learning-rate 0.01 --threads 1 --checkpoint-every 20";
const train = (name: string, ...more: string[]) =>
  place.run(["train", "pairs.json", "--task", "translate", "--name", name, ...settings.split(" "), ...more]);
const resume = (name: string, ...more: string[]) => place.run(["train", "--resume", name, ...more]);

const checkpointBytes = (name: string) =>
  globSync("checkpoints/*/*", { cwd: join(place.folder, "runs", name) })
    .sort()
    .map((path) => [path, readFileSync(join(place.folder, "runs", name, path)).toString("base64")]);

interface Line {
  step: number;
  tokens?: number;
}
const metrics = (name: string): Line[] =>
  readFileSync(join(place.folder, "runs", name, "metrics.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);

describe("training on pairs", () => {
  let summary: { tokens: number; steps: number; scores: { name: string; value: number; signature: string }[] };
  beforeAll(async () => {
    const files = ["--source", "toy.de", "--target", "toy.en"];
    const { status, stdout, stderr } = await train("whole", ...files, "--steps", "100", "--average", "2", "--json");
    expect(status, stderr).toBe(0);
    summary = JSON.parse(stdout);
  }, 120_000);

  test("prints bits per target byte and the scores of the mean of the last checkpoints, with their signatures", () => {
    expect(summary).toMatchObject({
      ended: "finished",
      average: 2,
      bitsPer: "target byte",
      evaluation: { kind: "exact", bitsPerByte: expect.any(Number) },
      scores: [
        { name: "BLEU", unit: "points", signature: expect.stringMatching(/tok:13a.*30 segments, 4 beams/) },
        { name: "chrF", signature: expect.stringMatching(/nc:6/) },
      ],
    });
    expect(summary.scores[0]!.value).toBeGreaterThan(20);
  });

  test("tokens are counted as what is predicted, without padding", async () => {
    const data = await openDataset({
      kind: "translate",
      train: { source: file("toy.tsv") },
      tokenizer: { kind: "bpe", entries: 300 },
      longest: 100,
    });
    const lengths = target.slice(0, 270).map((line) => data.codec!.encodeSource(line).length + 1);
    const perEpoch = lengths.reduce((a, b) => a + b);
    const epochs = metrics("whole").flatMap(({ tokens }, i, all) =>
      tokens !== undefined && tokens % perEpoch === 0 && (all[i - 1]?.tokens ?? 0) < tokens ? tokens / perEpoch : [],
    );
    expect(epochs.slice(0, 3)).toEqual([1, 2, 3]);
    expect(summary.tokens).toBeLessThan(summary.steps * 8 * 16);
    expect(summary.tokens).toBe(metrics("whole").findLast(({ tokens }) => tokens !== undefined)!.tokens);
  });

  test("run.json says what the data were; runs lists it, and generate says what to do instead", async () => {
    const { data } = JSON.parse(readFileSync(join(place.folder, "runs/whole/run.json"), "utf8"));
    expect(data).toMatchObject({
      kind: "task",
      name: "toy.de → toy.en",
      task: { kind: "translate", train: { source: file("toy.de"), target: file("toy.en") }, longest: 100 },
      facts: { pairs: 270, heldPairs: 30, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      codec: { kind: "tokenizer", tokenizer: { kind: "bpe" } },
    });
    const listed = JSON.parse((await place.run(["runs", "--json"])).stdout);
    expect(listed[0]).toMatchObject({ name: "whole", spec: "pairs", task: "translate", problem: null });
    const { status, stderr } = await place.run(["generate", "whole"]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/trained on text.*seqlab translate whole.*\[E_GENERATE_TASK\]/);
  });

  test("TSV and JSONL are the same data", async () => {
    const facts = async (name: string, ...files: string[]) => {
      const { status, stderr } = await train(name, ...files, "--steps", "2", "--score-examples", "0");
      expect(status, stderr).toBe(0);
      return JSON.parse(readFileSync(join(place.folder, "runs", name, "run.json"), "utf8")).data.facts.sha256;
    };
    const hashes = [
      await facts("tsv", "--pairs", "toy.tsv"),
      await facts("jsonl", "--pairs", "toy.jsonl", "--fields", "pair.de,pair.en"),
    ];
    expect(hashes[0]).toBe(hashes[1]);
  }, 60_000);

  test("interrupted and resumed, a run ends with the same bytes; moved files are named, changed ones refused", async () => {
    const long = ["--pairs", "toy.tsv", "--steps", "60", "--score-examples", "4", "--evaluate-every", "10"];
    expect((await train("a", ...long)).status).toBe(0);
    const { child, outcome } = place.start([
      ...["train", "pairs.json", "--task", "translate", "--name", "b"],
      ...[...settings.split(" "), ...long],
    ]);
    await said(child.stderr, /step 20:/);
    child.kill("SIGINT");
    expect((await outcome).status).toBe(130);
    renameSync(file("toy.tsv"), file("moved.tsv"));
    expect((await resume("b")).stderr).toMatch(/toy\.tsv: .*E_CORPUS_MISSING/);
    writeFileSync(file("toy.tsv"), readFileSync(file("moved.tsv"), "utf8").replace("Hund", "Hand"));
    expect((await resume("b")).stderr).toMatch(/toy\.tsv: sha256: .*E_DATA_CHANGED/);
    const resumed = await resume("b", "--pairs", "moved.tsv");
    expect(resumed.status, resumed.stderr).toBe(0);
    expect(checkpointBytes("b")).toEqual(checkpointBytes("a"));
  }, 180_000);
});

describe("training on a synthetic task", () => {
  test("prints exact match and accuracy beside chance; a finished run prints the same when resumed", async () => {
    const options = "--task copy --task-options symbols=4 --lengths 4..6 --length 16 --batch 8 --steps 20 --threads 1";
    const { status, stdout, stderr } = await place.run(["train", "tiny.json", ...options.split(" "), "--name", "copy"]);
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/^validation +\d\.\d{3} bits per answer$/m);
    expect(stdout).toMatch(/^exact match +[\d.]+ % \(512 test examples, all of their answers right\)$/m);
    expect(stdout).toMatch(/^accuracy +[\d.]+ % \(chance 25\.0 %; \d+ answers\)$/m);
    expect((await place.run(["runs"])).stdout).toMatch(/^copy .* \d\.\d{3} answer /m);
    expect((await place.run(["generate", "copy"])).stderr).toMatch(/questions and answers of a task.*E_GENERATE_TASK/);
    const again = await resume("copy");
    expect(again.stdout.match(/^accuracy .*$/m)![0]).toBe(stdout.match(/^accuracy .*$/m)![0]);
  }, 60_000);
});

describe("what does not fit together is told in one line", () => {
  const cases: [what: string, args: string, expected: RegExp][] = [
    [
      "a spec without an encoder",
      "tiny.json --task g2p",
      /tiny: objective: .*"sequence-to-sequence".*E_TASK_OBJECTIVE/,
    ],
    ["an encoder–decoder and text", "pairs.json --data text.txt", /--task translate, g2p, parsing.*E_TASK_OBJECTIVE/],
    ["an encoder–decoder and no question", "pairs.json --task dyck", /"next-token", for --task dyck.*E_TASK_OBJECTIVE/],
    ["an unknown task", "tiny.json --task mqr", /--task: .*Did you mean mqar\?/],
    ["one side alone", "pairs.json --task translate --source toy.de", /--source: expected --target beside it/],
    ["no files", "pairs.json --task translate", /--source FILE and --target FILE, or --pairs FILE/],
    [
      "an option of another task",
      "pairs.json --task g2p --pairs toy.tsv",
      /--pairs: expected --task translate, got --task g2p/,
    ],
    ["an option without its task", "tiny.json --stress", /--stress: expected --task g2p, got no --task/],
    ["text beside a task", "pairs.json --task g2p --data text.txt", /--data: .*without --task/],
    ["an unknown setting", "tiny.json --task copy --task-options size=3", /settings of copy \(symbols, times\)/],
    ["lengths that are none", "tiny.json --task copy --lengths 9-3", /--lengths: .*8\.\.16/],
    ["too few checkpoints", "tiny.json --task copy --average 3", /--average: .*--checkpoint-every/],
  ];
  test.each(cases)("%s", async (_, args, expected) => {
    const { status, stderr } = await place.run(["train", ...args.split(" ")]);
    expect(status).toBeGreaterThan(0);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(stderr).toMatch(expected);
  });
});
