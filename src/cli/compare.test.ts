import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createWorkplace, said, tinySpec } from "./cli.fixture.ts";

const place = createWorkplace();
afterAll(() => place.remove());
writeFileSync(join(place.folder, "other.yaml"), "name: other\nwidth: 16\nlayers:\n  - mixer: { kind: cfc }\n");

const settings = [
  "--data",
  "text.txt",
  "--tokenizer",
  "byte",
  "--size",
  "as-is",
  "--batch",
  "2",
  "--length",
  "16",
  "--threads",
  "1",
];
const comparison = ["compare", "tiny.json", "other.yaml", ...settings, "--budget", "tokens=700", "--seeds", "2"];

const figure = { mean: expect.any(Number), spread: expect.any(Number), n: expect.any(Number) };

test("a comparison prints the shape that other tools read, and writes its report", async () => {
  const { status, stdout, stderr } = await place.run([...comparison, "--folder", "work", "--json"]);
  expect(status, stderr).toBe(0);
  const { protocol, results, wordShare } = JSON.parse(stdout);
  expect(results.map(({ spec }: { spec: string }) => spec).sort()).toEqual(["other", "tiny"]);
  for (const result of results) {
    expect(result).toMatchObject({
      seeds: [0, 1],
      params: expect.any(Number),
      activeParams: result.params,
      bitsPerByte: { ...figure, n: 2, kind: "exact" },
      trainTokensPerS: { ...figure, n: 2 },
      decodeTokensPerS: figure,
      firstTokenMs: figure,
      peakTrainBytes: { ...figure, n: 2 },
      peakDecodeBytes: figure,
      stateBytes: { 1024: expect.any(Number), 16384: expect.any(Number), 262144: expect.any(Number) },
      tokens: 672,
    });
  }
  expect(results[0].bitsPerByte.mean).toBeLessThanOrEqual(results[1].bitsPerByte.mean);
  expect(protocol).toMatchObject({
    tokens: 672,
    seeds: [0, 1],
    context: 16,
    batch: 2,
    budget: "tokens=700",
    size: "as-is",
    tokenizer: { kind: "byte" },
  });
  expect(protocol.command).toBe(["seqlab", ...comparison].join(" "));
  expect(wordShare).toMatchObject({ spec: results[0].spec, words: expect.any(Number) });
  expect(statSync(join(place.folder, "seqlab-report.html")).size).toBeGreaterThan(10_000);
  expect(JSON.parse(readFileSync(join(place.folder, "work/comparison.json"), "utf8")).results).toEqual(results);
  expect(stderr).toMatch(/^\[8\/8\] (tiny|other), writing untrained: \d+ characters$/m);
});

test("--resume repeats nothing that is done, takes the stored settings, and gives the same figures", async () => {
  const { status, stdout, stderr } = await place.run([
    "compare",
    "--resume",
    "--folder",
    "work",
    "--report",
    "again.html",
  ]);
  expect(status, stderr).toBe(0);
  expect(stderr.match(/\(done before\)$/gm)?.length).toBe(8);
  expect(stdout).toMatch(/^# +model +bits\/byte/);
  expect(stdout).toMatch(
    /of the best next-token model's \((tiny|other)\) [\d,]+ words of three letters or more occur in the training text; untrained: \d+(\.\d)? %\./,
  );
  expect(stdout).toContain(`Report: ${join(place.folder, "again.html")}`);
  const [first] = JSON.parse(readFileSync(join(place.folder, "work/comparison.json"), "utf8")).results;
  expect(stdout).toContain(first.bitsPerByte.mean.toFixed(3));
});

test("a folder of another comparison is not taken by accident", async () => {
  const { status, stderr } = await place.run([...comparison, "--folder", "work"]);
  expect(status).toBe(1);
  expect(stderr).toMatch(/Add --resume to go on with it, or name another\. \[E_COMPARE_FOLDER\]\n$/);
});

test("a folder that cannot be one is told before anything is trained", async () => {
  const { status, stderr } = await place.run([...comparison, "--folder", "text.txt"]);
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /text\.txt: expected folders along this path .*, got EEXIST\. Nothing was trained; name another with --folder\. \[E_DISK_FOLDER\]\n$/,
  );
});

test("a report that is a folder is told before anything is trained", async () => {
  const { status, stderr } = await place.run([...comparison, "--report", "."]);
  expect(status).toBe(1);
  expect(stderr).toBe(
    "error: --report .: expected the name of a file, got a folder. For instance report.html. [E_REPORT]\n",
  );
});

test("two specs of one name are refused", async () => {
  writeFileSync(join(place.folder, "copy.json"), JSON.stringify(tinySpec));
  const { status, stderr } = await place.run(["compare", "tiny.json", "copy.json", ...settings]);
  expect(status).toBe(1);
  expect(stderr).toMatch(/specs: expected a different name for each, got "tiny" twice\..*\[E_COMPARE_NAMES\]/);
});

test("Ctrl-C keeps finished jobs and prints the command that goes on", async () => {
  const { child, outcome } = place.start([...comparison, "--report", "stopped.html"]);
  await said(child.stderr, /\[1\/8\] tiny, seed 0: .* bits per byte/);
  child.kill("SIGINT");
  const { status, stdout, stderr } = await outcome;
  expect({ status, stdout }).toEqual({ status: 130, stdout: "" });
  const [, folder] =
    /Finished jobs are kept in (runs\/compare-\S+)\. Go on with:\n {2}.*compare --resume --folder \1\n$/.exec(stderr) ??
    [];
  expect(
    readdirSync(join(place.folder, folder!, "results")).filter((file) => file.startsWith("train-")).length,
  ).toBeGreaterThan(0);
  const resumed = await place.run(["compare", "--resume", "--json"]);
  expect(resumed.status, resumed.stderr).toBe(0);
  expect(resumed.stderr).toMatch(/\[1\/8\] tiny, seed 0: .*\(done before\)/);
  expect(JSON.parse(resumed.stdout).results.length).toBe(2);
});

test("--quick says before and after what it ranks, and prints the command of an hour-long comparison", async () => {
  const quick = ["compare", "tiny.json", "--quick", ...settings, "--budget", "tokens=64", "--seeds", "1"];
  const { status, stdout, stderr } = await place.run(quick);
  expect(status, stderr).toBe(0);
  for (const text of [stdout, stderr]) {
    expect(text).toContain("A quick look ranks learning speed, not final quality.");
    expect(text).toMatch(/compare --size params=0\.5M --budget minutes=3 --seeds 2/);
  }
});
