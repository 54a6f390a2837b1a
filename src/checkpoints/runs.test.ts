import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { appendMetrics, readMetrics, truncateMetrics } from "./metrics.ts";
import { createRun, listRuns, openRun } from "./runs.ts";

const scratch = mkdtempSync(join(tmpdir(), "seqlab-runs-"));
afterAll(() => rmSync(scratch, { recursive: true }));

let roots = 0;
const freshRoot = () => join(scratch, `root${roots++}`);
const info = { spec: { width: 8, layers: [] }, data: { source: "builtin" }, protocol: { seeds: [1] } };

describe("runs", () => {
  test("a created run opens with what it was created with, and its file does not depend on the order of keys", () => {
    const root = freshRoot();
    const created = createRun(root, "llama", info);
    expect(openRun(root, "llama")).toEqual(created);
    const text = '{"data":{"source":"builtin"},"format":1,"protocol":{"seeds":[1]},"spec":{"layers":[],"width":8}}';
    expect(readFileSync(join(root, "llama", "run.json"), "utf8")).toBe(text);
    expect(readdirSync(root)).toEqual(["llama"]);
  });

  test.each([
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "a\\b",
    ".hidden",
    "/etc",
    "a\0b",
    "con",
    "NUL.txt",
    "a.",
    "x".repeat(101),
    "ä",
  ])("refuses the name %j", (name) => {
    expect(() => createRun(freshRoot(), name, info)).toThrow("[E_RUN_NAME]");
    expect(() => openRun(freshRoot(), name)).toThrow("[E_RUN_NAME]");
  });

  test("does not overwrite a run, nor anything else of that name", () => {
    const root = freshRoot();
    createRun(root, "a", info);
    expect(() => createRun(root, "a", { ...info, spec: 2 })).toThrow(
      "expected a new run. Resume it or choose another name.",
    );
    expect(openRun(root, "a").info).toEqual(info);
    writeFileSync(join(root, "file"), "mine");
    expect(() => createRun(root, "file", info)).toThrow("[E_RUN_EXISTS]");
    mkdirSync(join(root, "empty"));
    expect(() => createRun(root, "empty", info)).toThrow("[E_RUN_EXISTS]");
  });

  test("a missing run names those that exist", () => {
    const root = freshRoot();
    expect(() => openRun(root, "x")).toThrow("No runs are in");
    createRun(root, "b", info);
    createRun(root, "a", info);
    expect(() => openRun(root, "x")).toThrow("Runs there: a, b. [E_RUN_MISSING]");
  });

  test("lists runs by name, damaged ones with their problem, and nothing else", () => {
    const root = freshRoot();
    expect(listRuns(root)).toEqual([]);
    for (const name of ["b", "a", "c", "d"]) createRun(root, name, info);
    writeFileSync(join(root, "b", "run.json"), "{");
    writeFileSync(join(root, "c", "run.json"), '{"format":1,"spec":1,"data":1,"protocol":1,"extra":1}');
    writeFileSync(
      join(root, "d", "run.json"),
      `{"format":1,"data":1,"protocol":1,"spec":${"[".repeat(1e5)}${"]".repeat(1e5)}}`,
    );
    mkdirSync(join(root, "other"));
    const [a, b, c, d, ...rest] = listRuns(root);
    expect(rest).toEqual([]);
    expect(a).toEqual({ name: "a", path: join(root, "a"), steps: [], info });
    expect(b?.problem).toMatch(/b\/run\.json: expected JSON, got .*\[E_RUN_FILE\]$/);
    expect(c?.problem).toMatch(/run\.json: expected known keys only, got "extra"/);
    expect(d?.problem).toMatch(/fewer levels of nesting/);
  });

  test("refuses values that JSON would change in silence", () => {
    const protocol = { rate: [1, Number.NaN] };
    expect(() => createRun(freshRoot(), "a", { ...info, protocol })).toThrow(
      "run.json.protocol.rate[1]: expected finite",
    );
  });

  test("a root that cannot be made is named", () => {
    const root = freshRoot();
    writeFileSync(root, "a file");
    expect(() => createRun(root, "a", info)).toThrow(
      /root\d+\/a: expected .* got (EEXIST|ENOTDIR)\. Nothing was written\./,
    );
  });
});

describe("metrics", () => {
  const newRun = () => createRun(freshRoot(), "run", info);

  test("come back as they were appended, also NaN and infinities", () => {
    const run = newRun();
    expect(readMetrics(run)).toEqual([]);
    const records = [
      { step: 1, loss: 2.5, note: "constructor" },
      { step: 2, loss: Number.NaN, norms: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] },
    ];
    appendMetrics(run, records[0]!);
    appendMetrics(run, records[1]!);
    expect(readMetrics(run)).toEqual(records);
  });

  test("are cut to a step, and an unfinished last line is dropped with it", () => {
    const run = newRun();
    appendMetrics(run, { step: 1 }, { step: 2 }, { step: 2, kind: "validation" }, { step: 3 });
    writeFileSync(join(run.path, "metrics.jsonl"), '{"step":4,"lo', { flag: "a" });
    expect(readMetrics(run)).toHaveLength(4);
    truncateMetrics(run, 2);
    appendMetrics(run, { step: 3, again: true });
    expect(readMetrics(run)).toEqual([
      { step: 1 },
      { step: 2 },
      { step: 2, kind: "validation" },
      { step: 3, again: true },
    ]);
    expect(readdirSync(run.path).sort()).toEqual(["checkpoints", "metrics.jsonl", "run.json"]);
  });

  test("a damaged line is named", () => {
    const run = newRun();
    writeFileSync(join(run.path, "metrics.jsonl"), '{"step":1}\n{"step":\n');
    expect(() => readMetrics(run)).toThrow(
      /metrics\.jsonl:2: expected a record in JSON, got \{"step":\. \[E_METRICS_FILE\]/,
    );
    writeFileSync(join(run.path, "metrics.jsonl"), '{"loss":1}\n');
    expect(() => readMetrics(run)).toThrow("metrics.jsonl:1: expected a record with a step");
  });

  test("a step that is none is refused", () => {
    expect(() => appendMetrics(newRun(), { step: 1.5 })).toThrow("[E_METRICS_STEP]");
  });

  test("a vanished run is an error, and is not made anew", () => {
    const run = newRun();
    rmSync(run.path, { recursive: true });
    expect(() => appendMetrics(run, { step: 1 })).toThrow(
      /metrics\.jsonl: expected a folder that is still there.*\[E_DISK_VANISHED\]/,
    );
    expect(existsSync(run.path)).toBe(false);
  });

  test("a file where the folder of runs should be is told as such, and is left alone", () => {
    const file = join(scratch, "file");
    writeFileSync(file, "mine");
    expect(() => createRun(file, "first", info)).toThrow(
      /expected folders along this path \(a file stands where one should be\), got E\w+\. Nothing was written\. \[E_DISK_FOLDER\]/,
    );
    expect(readFileSync(file, "utf8")).toBe("mine");
    rmSync(file);
  });

  test.skipIf(!existsSync("/dev/full"))("a full disk is named (skipped where there is no /dev/full)", () => {
    const run = newRun();
    rmSync(join(run.path, "metrics.jsonl"));
    symlinkSync("/dev/full", join(run.path, "metrics.jsonl"));
    const message =
      "expected free space on the disk, got ENOSPC. Earlier records and all saved checkpoints are kept. [E_DISK_FULL]";
    expect(() => appendMetrics(run, { step: 1 })).toThrow(message);
  });
});
