import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createRun, lockRun } from "./index.ts";

const root = mkdtempSync(join(tmpdir(), "seqlab-lock-"));
afterAll(() => rmSync(root, { recursive: true }));

const newRun = (name: string) => createRun(root, name, { spec: null, data: null, protocol: null });
const lockOf = (path: string): string => join(path, "lock.json");

test("a locked run is refused until it is released", () => {
  const run = newRun("held");
  const lock = lockRun(run);
  expect(() => lockRun(run)).toThrow(
    new RegExp(
      `held: expected a run that no other process trains, got process ${process.pid}\\. Wait.*\\[E_RUN_LOCKED\\]$`,
    ),
  );
  lock.release();
  expect(existsSync(lockOf(run.path))).toBe(false);
  lockRun(run).release();
});

/** A process that waits, and what ends it. */
async function sleeper() {
  const child = spawn(process.execPath, ["-e", "console.log(1); setInterval(() => {}, 1000)"]);
  await new Promise((wake) => child.stdout.once("data", wake));
  const ended = new Promise((wake) => child.once("exit", wake));
  const end = () => {
    child.kill("SIGKILL");
    return ended;
  };
  return { pid: child.pid!, end };
}

test("another process's lock holds while it lives and not when it is dead", async () => {
  const run = newRun("dead");
  const other = await sleeper();
  writeFileSync(lockOf(run.path), JSON.stringify({ host: hostname(), pid: other.pid, began: null }));
  expect(() => lockRun(run)).toThrow(/\[E_RUN_LOCKED\]$/);
  await other.end();
  const lock = lockRun(run);
  expect(JSON.parse(readFileSync(lockOf(run.path), "utf8"))).toMatchObject({ pid: process.pid });
  lock.release();
});

test.skipIf(process.platform !== "linux")("a later process of the same number does not hold the lock", () => {
  const run = newRun("reused");
  writeFileSync(lockOf(run.path), JSON.stringify({ host: hostname(), pid: process.pid, began: "before the reboot" }));
  lockRun(run).release();
});

test("a lock of another machine holds, and the error says which file to delete", () => {
  const run = newRun("elsewhere");
  writeFileSync(lockOf(run.path), JSON.stringify({ host: "another", pid: 1, began: null }));
  expect(() => lockRun(run)).toThrow(/process 1 on another\. .*delete .*lock\.json.*\[E_RUN_LOCKED\]$/);
});

test("a file that is no lock is replaced, and releasing leaves another's lock alone", () => {
  const run = newRun("damaged");
  writeFileSync(lockOf(run.path), "{");
  const lock = lockRun(run);
  const others = JSON.stringify({ host: "another", pid: 1, began: null });
  writeFileSync(lockOf(run.path), others);
  lock.release();
  expect(readFileSync(lockOf(run.path), "utf8")).toBe(others);
});
