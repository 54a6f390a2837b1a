import { execFileSync, spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { SeqlabError } from "../tensor/error.ts";
import { loadCheckpoint, resumeCheckpoint } from "./load.ts";
import { appendMetrics, readMetrics } from "./metrics.ts";
import { createRun, openRun, type Run } from "./runs.ts";
import { type Checkpoint, saveCheckpoint } from "./save.ts";

const scratch = mkdtempSync(join(tmpdir(), "seqlab-checkpoints-"));
afterAll(() => rmSync(scratch, { recursive: true }));

let runs = 0;
const newRun = (root = scratch): Run => createRun(root, `run${runs++}`, { spec: 1, data: 2, protocol: 3 });

/** Every number in it depends on the step. */
const checkpoint = (step: number): Checkpoint => ({
  step,
  weights: { w: { dtype: "F32", shape: [3], data: Float32Array.of(step, -0, step / 3) } },
  optimizer: { m: { dtype: "F32", shape: [1], data: Float32Array.of(step * 2) } },
  state: { random: { seed: 1, step }, position: [step, -0] },
});
const folder = (run: Run, step: number | string) => join(run.path, "checkpoints", String(step));
const folders = (run: Run) => readdirSync(join(run.path, "checkpoints")).sort();
const files = ["manifest.json", "optimizer.safetensors", "state.json", "weights.safetensors"];

function expectWhole(loaded: ReturnType<typeof loadCheckpoint>): void {
  const { path: _, skipped: __, ...content } = loaded;
  expect({ ...content, weights: { ...content.weights }, optimizer: { ...content.optimizer } }).toEqual(
    checkpoint(loaded.step),
  );
}

describe("checkpoints", () => {
  test("are loaded as they were saved, by step or the latest", () => {
    const run = newRun();
    saveCheckpoint(run, checkpoint(1));
    expect(saveCheckpoint(run, checkpoint(10)).steps).toEqual([1, 10]);
    expect(loadCheckpoint(run)).toMatchObject({ step: 10, skipped: [] });
    expectWhole(loadCheckpoint(run));
    expectWhole(loadCheckpoint(run, 1));
    expect(readdirSync(folder(run, 10)).sort()).toEqual(files);
  });

  test("the newest are kept, by number and not by name", () => {
    const run = newRun();
    for (const step of [1, 2, 9, 10]) saveCheckpoint(run, checkpoint(step));
    expect(folders(run)).toEqual(["10", "9"]);
    saveCheckpoint(run, checkpoint(11), { keep: 1 });
    expect(folders(run)).toEqual(["11"]);
    expect(() => saveCheckpoint(run, checkpoint(12), { keep: 0 })).toThrow("[E_CHECKPOINT_KEEP]");
    expect(() => saveCheckpoint(run, checkpoint(1.5))).toThrow("[E_CHECKPOINT_STEP]");
  });

  test("[shared-seed-protocol] equal content gives equal bytes, wherever and whenever it is saved", () => {
    const [first, second] = [newRun(), newRun(join(scratch, "elsewhere"))];
    for (const run of [first, second]) saveCheckpoint(run, checkpoint(4));
    for (const file of files) {
      expect(readFileSync(join(folder(second, 4), file)).equals(readFileSync(join(folder(first, 4), file)))).toBe(true);
    }
  });

  test("saving a step again replaces it", () => {
    const run = newRun();
    saveCheckpoint(run, { ...checkpoint(5), state: "old" });
    saveCheckpoint(run, checkpoint(5));
    expect(folders(run)).toEqual(["5"]);
    expectWhole(loadCheckpoint(run));
  });

  test("resuming before the newest cuts the metrics; the next save removes the future that was left", () => {
    const run = newRun();
    for (const step of [1, 2, 3]) {
      appendMetrics(run, { step, loss: 1 / step });
      saveCheckpoint(run, checkpoint(step), { keep: 3 });
    }
    expect(resumeCheckpoint(run, 1).step).toBe(1);
    expect(readMetrics(run).map(({ step }) => step)).toEqual([1]);
    expect(saveCheckpoint(run, checkpoint(2), { keep: 1 }).steps).toEqual([2]);
  });

  test("a step that is not there, and a run without any, are named", () => {
    const run = newRun();
    expect(() => loadCheckpoint(run)).toThrow(
      "expected a checkpoint whose files are whole, got no checkpoint. [E_CHECKPOINT_NONE]",
    );
    saveCheckpoint(run, checkpoint(1));
    expect(() => loadCheckpoint(run, 2)).toThrow(
      "expected a checkpoint of step 2, got steps 1. [E_CHECKPOINT_MISSING]",
    );
  });
});

describe("damaged checkpoints", () => {
  const damage: Record<string, (path: string) => void> = {
    "a truncated file": (path) => truncateSync(join(path, "weights.safetensors"), 50),
    "a flipped byte": (path) => flip(join(path, "optimizer.safetensors"), -1, 1),
    "a flipped byte in the state": (path) => flip(join(path, "state.json"), 12, 1),
    "a flipped byte in the manifest": (path) => flip(join(path, "manifest.json"), 30, 4),
    "a missing manifest": (path) => rmSync(join(path, "manifest.json")),
    "a missing file": (path) => rmSync(join(path, "state.json")),
    "a folder instead of a file": (path) => {
      rmSync(join(path, "state.json"));
      mkdirSync(join(path, "state.json"));
    },
    "an endless manifest": (path) => writeFileSync(join(path, "manifest.json"), "[".repeat(1e6)),
    "an empty folder": (path) => {
      rmSync(path, { recursive: true });
      mkdirSync(path);
    },
    "another step's content": (path) => {
      rmSync(path, { recursive: true });
      cpSync(join(path, "..", "1"), path, { recursive: true });
    },
  };

  test.each(Object.keys(damage))("%s: the latest falls back and says why; the step itself is refused", (kind) => {
    const run = newRun();
    saveCheckpoint(run, checkpoint(1));
    saveCheckpoint(run, checkpoint(2));
    damage[kind]!(folder(run, 2));
    const loaded = loadCheckpoint(run);
    expectWhole(loaded);
    expect(loaded).toMatchObject({ step: 1, skipped: [{ step: 2, path: folder(run, 2) }] });
    expect(loaded.skipped[0]?.reason).toContain(folder(run, 2));
    expect(() => loadCheckpoint(run, 2)).toThrow("[E_CHECKPOINT_CORRUPT]");
    damage[kind === "another step's content" ? "an empty folder" : kind]!(folder(run, 1));
    expect(() => loadCheckpoint(run)).toThrow("[E_CHECKPOINT_NONE]");
  });

  test("leftovers of killed processes are ignored, and removed by the next save", () => {
    const run = newRun();
    saveCheckpoint(run, checkpoint(1));
    cpSync(folder(run, 1), folder(run, ".saving-2"), { recursive: true });
    mkdirSync(folder(run, ".removing-0"));
    mkdirSync(folder(run, "notes"));
    expect(loadCheckpoint(run)).toMatchObject({ step: 1, skipped: [] });
    saveCheckpoint(run, checkpoint(2));
    expect(folders(run)).toEqual(["1", "2", "notes"]);
  });

  test("a process killed between the two renames of a replacement loses nothing", () => {
    const run = newRun();
    saveCheckpoint(run, checkpoint(3), { keep: 1 });
    renameSync(folder(run, 3), folder(run, "3.replaced"));
    expectWhole(loadCheckpoint(run));
    expectWhole(loadCheckpoint(run, 3));
    saveCheckpoint(run, checkpoint(4), { keep: 2 });
    expect(folders(run)).toEqual(["3.replaced", "4"]);
    cpSync(folder(run, "3.replaced"), folder(run, 3), { recursive: true });
    saveCheckpoint(run, checkpoint(5), { keep: 3 });
    expect(folders(run)).toEqual(["3", "4", "5"]);
  });

  test("any change to any file gives a clear error or a correct load", () => {
    const run = newRun();
    saveCheckpoint(run, checkpoint(7));
    const originals = new Map(files.map((file) => [file, readFileSync(join(folder(run, 7), file))]));
    const change = fc.record({
      file: fc.constantFrom(...files),
      kind: fc.constantFrom("set", "cut", "append", "swap"),
      at: fc.nat(),
      byte: fc.nat(255),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        for (const [file, bytes] of originals) writeFileSync(join(folder(run, 7), file), bytes);
        for (const each of changes) corrupt(folder(run, 7), each);
        try {
          expectWhole(loadCheckpoint(run));
        } catch (error) {
          if (!(error instanceof SeqlabError)) throw error;
          expect(error.message).toContain(run.path);
        }
      }),
      { numRuns: 700 },
    );
  });
});

describe("disk trouble", () => {
  test("a run that vanished is named, and is not made anew", () => {
    const run = newRun();
    rmSync(run.path, { recursive: true });
    expect(() => saveCheckpoint(run, checkpoint(1))).toThrow(
      /checkpoints\/1: expected a folder .* got ENOENT\. No earlier .*\[E_DISK_VANISHED\]/,
    );
    expect(existsSync(run.path)).toBe(false);
  });

  test("a state that JSON cannot hold leaves no trace; a file in the way of a checkpoint gives way", () => {
    const run = newRun();
    saveCheckpoint(run, checkpoint(1));
    expect(() => saveCheckpoint(run, { ...checkpoint(2), state: { loss: Number.NaN } })).toThrow(
      "state.loss: expected finite",
    );
    writeFileSync(folder(run, 2), "a file is in the way, and the former one too");
    mkdirSync(folder(run, "2.replaced"));
    saveCheckpoint(run, checkpoint(2));
    expect(folders(run)).toEqual(["1", "2"]);
  });

  test("a full disk is named, says what is kept, and leaves it loadable", (context) => {
    const disk = join(scratch, "small-disk");
    mkdirSync(disk);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=128k", "tmpfs", disk], { stdio: "ignore" });
    } catch {
      context.skip("mounting a small disk is not permitted here");
    }
    try {
      const run = newRun(disk);
      saveCheckpoint(run, checkpoint(1));
      const large = { dtype: "F32", shape: [100_000], data: new Float32Array(100_000) } as const;
      const save = () => saveCheckpoint(run, { ...checkpoint(2), weights: { large } });
      expect(save).toThrow(
        /expected free space on the disk, got ENOSPC\. The checkpoint of step 1 is kept in .*\[E_DISK_FULL\]/,
      );
      expect(folders(run)).toEqual(["1"]);
      expectWhole(loadCheckpoint(run));
      saveCheckpoint(run, checkpoint(2));
      expectWhole(loadCheckpoint(run));
    } finally {
      execFileSync("umount", [disk]);
    }
  });

  const strips = Number.parseInt(process.versions.node, 10) >= 24;
  test.skipIf(!strips)(
    "SIGKILL at random moments never costs the last good checkpoint (skipped below Node 24)",
    async () => {
      const run = newRun();
      saveCheckpoint(run, checkpoint(0));
      let reached = 0;
      // On a busy machine the first saves may take long: the kills go on, later each time, until one has come through.
      for (let kill = 0; kill < 12 || (reached === 0 && kill < 24); kill++) {
        await saveUntilKilled(run, reached, 3 + ((kill * 37) % 50) + Math.max(0, 2 ** (kill - 8)));
        const loaded = loadCheckpoint(openRun(scratch, run.name));
        expectWhole(loaded);
        expect(loaded.skipped).toEqual([]);
        expect(loaded.step).toBeGreaterThanOrEqual(reached);
        reached = loaded.step;
      }
      expect(reached).toBeGreaterThan(0);
    },
  );
});

/** Starts a process that saves step after step (every third one twice), lets it work for `ms`, and kills it. */
async function saveUntilKilled(run: Run, from: number, ms: number): Promise<void> {
  const script = `
    import { saveCheckpoint } from ${JSON.stringify(new URL("./save.ts", import.meta.url).href)};
    const run = ${JSON.stringify(run)};
    const checkpoint = ${checkpoint.toString()};
    console.log("ready");
    for (let step = ${from}; ; step++) {
      saveCheckpoint(run, checkpoint(step), { keep: 1 });
      if (step % 3 === 0) saveCheckpoint(run, checkpoint(step), { keep: 1 });
    }`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = new Promise((done) => child.once("close", done));
  await new Promise((ready) => child.stdout.once("data", ready));
  await sleep(ms);
  child.kill("SIGKILL");
  await closed;
}

function flip(path: string, at: number, bits: number): void {
  const bytes = readFileSync(path);
  const index = at < 0 ? bytes.length + at : at;
  bytes[index] = bytes[index]! ^ bits;
  writeFileSync(path, bytes);
}

function corrupt(path: string, change: { file: string; kind: string; at: number; byte: number }): void {
  const target = join(path, change.file);
  const bytes = readFileSync(target);
  const at = change.at % (bytes.length + 1);
  if (change.kind === "cut") writeFileSync(target, bytes.subarray(0, at));
  if (change.kind === "append") writeFileSync(target, Buffer.concat([bytes, Buffer.from([change.byte])]));
  if (change.kind === "swap") writeFileSync(target, readFileSync(join(path, files[change.byte % 4]!)));
  if (change.kind === "set" && at < bytes.length) {
    bytes[at] = change.byte;
    writeFileSync(target, bytes);
  }
}
