import { existsSync, globSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { killAndResume } from "../../scripts/evidence/kill-and-resume.ts";
import { command } from "../../scripts/source/command.ts";
import { createWorkplace, main, said, tinyTraining } from "./cli.fixture.ts";

const place = createWorkplace();
afterAll(() => place.remove());
const runFolder = (name: string): string => join(place.folder, "runs", name);

function checkpointBytes(name: string): Record<string, string> {
  const base = join(runFolder(name), "checkpoints");
  return Object.fromEntries(
    globSync("*/*", { cwd: base })
      .sort()
      .map((file) => [file, readFileSync(join(base, file)).toString("base64")]),
  );
}

interface Line {
  step: number;
  loss?: number;
  bitsPerByte?: number;
}

const metrics = (name: string): Line[] =>
  readFileSync(join(runFolder(name), "metrics.jsonl"), "utf8").trimEnd().split("\n").map((line) => JSON.parse(line) as Line); // biome-ignore format: one expression

const losses = (name: string): number[] => metrics(name).flatMap(({ loss }) => loss ?? []);

test("a run is a folder with spec, data, settings, metrics and checkpoints; --json prints what came of it", async () => {
  const { status, stdout, stderr } = await place.run([...tinyTraining("whole"), "--json"]);
  expect(status, stderr).toBe(0);
  const summary = JSON.parse(stdout);
  expect(summary).toMatchObject({
    run: "whole",
    ended: "finished",
    step: 60,
    steps: 60,
    tokens: 1920,
    evaluation: { kind: "exact" },
  });
  const info = JSON.parse(readFileSync(join(runFolder("whole"), "run.json"), "utf8"));
  expect(info.spec).toMatchObject({ name: "tiny", layers: [{ mixer: { kind: "lstm" }, placement: "pre" }] });
  expect(info.data).toMatchObject({
    name: "text.txt",
    tokenizer: { kind: "byte" },
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(info.protocol).toMatchObject({
    config: { steps: 60, seed: 0, batch: 2 },
    threads: 1,
    engine: "node",
    versions: { node: process.versions.node },
  });
  expect(readdirSync(join(runFolder("whole"), "checkpoints")).sort()).toEqual(["40", "60"]);
  expect(losses("whole").length).toBe(60);
  expect(metrics("whole").flatMap(({ step, bitsPerByte }) => (bitsPerByte === undefined ? [] : step))).toEqual([
    30, 60, 60,
  ]);
  expect(summary.evaluation.bitsPerByte).toBe(metrics("whole").at(-1)?.bitsPerByte);
});

test("[shared-seed-protocol] the same seed gives the same checkpoint bytes, another seed others", async () => {
  const twin = await place.run(tinyTraining("twin"));
  const other = await place.run(tinyTraining("other", { seed: 1 }));
  expect([twin.status, other.status]).toEqual([0, 0]);
  expect(checkpointBytes("twin")).toEqual(checkpointBytes("whole"));
  expect(checkpointBytes("other")["60/weights.safetensors"]).not.toBe(
    checkpointBytes("whole")["60/weights.safetensors"],
  );
});

test("Ctrl-C saves behind the step, prints the command that goes on, and ends with 130; resumed, the bytes are the same", async () => {
  const steps = 3000;
  const settings = { steps, "checkpoint-every": 1000, "evaluate-every": 5000 };
  expect((await place.run(tinyTraining("long", settings))).status).toBe(0);
  const { child, outcome } = place.start(tinyTraining("stopped", settings));
  await said(child.stderr, /training 3,000 steps/);
  await new Promise((wake) => setTimeout(wake, 300));
  child.kill("SIGINT");
  const { status, stdout, stderr } = await outcome;
  expect({ status, stdout }).toEqual({ status: 130, stdout: "" });
  const [, saved] = /Saved at step (\d+) of 3000\. Go on with:\n {2}.*train --resume stopped$/m.exec(stderr) ?? [];
  expect(Number(saved)).toBeGreaterThan(0);
  expect(Number(saved)).toBeLessThan(steps);
  expect(readdirSync(join(runFolder("stopped"), "checkpoints"))).toContain(saved);
  const resumed = await place.run(["train", "--resume", "stopped"]);
  expect(resumed.status, resumed.stderr).toBe(0);
  expect(resumed.stderr).toContain(`going on from step ${saved} to 3000`);
  const expected = checkpointBytes("long");
  const got = checkpointBytes("stopped");
  expect(Object.keys(got).filter((file) => file.startsWith("3000/")).length).toBe(4);
  for (const file of Object.keys(got)) if (file in expected) expect(got[file], file).toBe(expected[file]);
  expect(losses("stopped")).toEqual(losses("long"));
});

test("a second Ctrl-C quits at once, amid a step that takes long", async () => {
  const { child, outcome } = place.start(tinyTraining("hasty", { batch: 512, length: 512, steps: 1000 }));
  await said(child.stderr, /training 1,000 steps/);
  child.kill("SIGINT");
  await said(child.stderr, /Ctrl-C again quits at once/);
  child.kill("SIGINT");
  await outcome;
  expect(child.signalCode).toBe("SIGINT");
  expect(checkpointBytes("hasty"), "no checkpoint of a step that was cut off").toEqual({});
});

test("[shared-seed-protocol] runs killed with SIGKILL at random moments are resumed to the same final bytes", async () => {
  const kills = await killAndResume({ kills: 3, seed: 7, steps: 300, folder: join(place.folder, "killed") });
  expect(kills.map(({ differing }) => differing)).toEqual([[], [], []]);
});

describe("what can go wrong is told in one line, and the last good checkpoint is kept", () => {
  test("a finished run that is resumed changes nothing", async () => {
    const before = checkpointBytes("whole");
    const { status, stderr } = await place.run(["train", "--resume", "whole"]);
    expect(status).toBe(0);
    expect(stderr).toContain("trained to its last step, 60, before");
    expect(checkpointBytes("whole")).toEqual(before);
    expect(losses("whole").length).toBe(60);
  });

  test("a text that changed since", async () => {
    const text = readFileSync(join(place.folder, "text.txt"));
    writeFileSync(join(place.folder, "text.txt"), `${text}!`);
    const { status, stderr } = await place.run(["train", "--resume", "whole"]);
    writeFileSync(join(place.folder, "text.txt"), text);
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /text\.txt: expected the text the run was started with \(SHA-256 .*\), got .*All checkpoints are kept\. \[E_DATA_CHANGED\]\n$/,
    );
  });

  test("a text that was moved is found with --data", async () => {
    renameSync(join(place.folder, "text.txt"), join(place.folder, "moved.txt"));
    const lost = await place.run(["train", "--resume", "whole"]);
    const found = await place.run(["train", "--resume", "whole", "--data", "moved.txt"]);
    renameSync(join(place.folder, "moved.txt"), join(place.folder, "text.txt"));
    expect(lost.stderr).toMatch(/\[E_CORPUS_MISSING\]/);
    expect([lost.status, found.status]).toEqual([1, 0]);
  });

  test("a loss that is not finite", async () => {
    const { status, stderr } = await place.run(
      tinyTraining("diverged", { "learning-rate": 1e38, "checkpoint-every": 1 }),
    );
    expect(status).toBe(1);
    const [, step] =
      /training step \d+: expected a finite loss and gradient, got .* The checkpoint of step (\d+) is kept in .*diverged\. \[E_TRAIN_FINITE\]\n$/.exec(
        stderr,
      ) ?? [];
    expect(existsSync(join(runFolder("diverged"), "checkpoints", step ?? "none"))).toBe(true);
  });

  test("a disk that is full (a limit on file sizes stands in for it), with the checkpoints before whole", async () => {
    const line = [process.execPath, main, ...tinyTraining("full", { steps: 5000, "evaluate-every": 5000 })];
    const result = await command("bash", ["-c", 'ulimit -f 64; exec "$@"', "bash", ...line], { cwd: place.folder });
    expect(result.status, result.stderr).toBe(1);
    expect(result.stderr).toMatch(
      /error: .*full.*: expected free space on the disk, got EFBIG\. .*kept.*\[E_DISK_FULL\]\n$/,
    );
    const generated = await place.run(["generate", "full", "--tokens", "3", "--json"]);
    expect(generated.status, generated.stderr).toBe(0);
    expect(JSON.parse(generated.stdout).tokens).toBe(3);
  });

  test("a run's folder that vanishes", async () => {
    const { child, outcome } = place.start(tinyTraining("vanishing", { steps: 100_000, "checkpoint-every": 200 }));
    await said(child.stderr, /training 100,000 steps/);
    await new Promise((wake) => setTimeout(wake, 300));
    renameSync(runFolder("vanishing"), runFolder("elsewhere"));
    const { status, stderr } = await outcome;
    expect(status).toBe(1);
    expect(stderr).toMatch(/error: .*vanishing.*: expected a folder that is still there .*\[E_DISK_VANISHED\]\n$/);
  });

  test("a text that is too short for a window, before a run is made of it", async () => {
    const { status, stderr } = await place.run(tinyTraining("short", { length: 30_000 }));
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: training text: expected at least 30001 ids, got \d+\. .*\[E_BATCH_SHORT\]\n$/);
    expect(existsSync(runFolder("short"))).toBe(false);
  });

  test("a name that is taken, and a run.json that is damaged", async () => {
    const taken = await place.run(tinyTraining("whole"));
    expect(taken.stderr).toMatch(/Resume it or choose another name\. \[E_RUN_EXISTS\]\n$/);
    await place.run(tinyTraining("damaged", { steps: 2 }));
    const file = join(runFolder("damaged"), "run.json");
    writeFileSync(file, readFileSync(file, "utf8").replace('"steps":2', '"steps":"2"'));
    const { status, stderr } = await place.run(["train", "--resume", "damaged"]);
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /run\.json: protocol\.config\.steps: .*\[E_RUN_FILE\]\n$|run\.json: protocol.*steps.*\[E_RUN_FILE\]\n$/,
    );
  });
});
