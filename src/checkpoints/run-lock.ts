/**
 * `lock.json` in a run's folder says which process trains into it. It is linked into place whole, so that of two processes
 * one gets it. The lock of a process that no longer runs (killed, or before a reboot) counts for nothing and is replaced.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { fail } from "../tensor/error.ts";
import { maybeErrno, onDisk } from "./disk.ts";
import type { Run } from "./runs.ts";

const lockFile = z.strictObject({
  host: z.string(),
  pid: z.int().positive(),
  /** When the process began, as its system counts; null where that cannot be known. */
  began: z.string().nullable(),
});
type Holder = z.output<typeof lockFile>;

export interface RunLock {
  release(): void;
}

const lockPath = (run: Run): string => join(run.path, "lock.json");

/** Takes a run for this process. Throws E_RUN_LOCKED where another one that still runs has it, or a disk error. */
export function lockRun(run: Run): RunLock {
  const path = lockPath(run);
  const mine = JSON.stringify({ host: hostname(), pid: process.pid, began: beganOf(process.pid) } satisfies Holder);
  const fresh = join(run.path, `.lock-${process.pid}`);
  onDisk(path, "Nothing was changed.", () => {
    writeFileSync(fresh, mine);
    try {
      while (!linked(fresh, path)) removeStale(path, run);
    } finally {
      rmSync(fresh, { force: true });
    }
  });
  return { release: () => releaseLock(path, mine) };
}

/** A run's folder may be gone by then; that is the error of whoever writes there next. */
function releaseLock(path: string, mine: string): void {
  if (maybeText(path) === mine) rmSync(path, { force: true });
}

function linked(fresh: string, path: string): boolean {
  try {
    linkSync(fresh, path);
    return true;
  } catch (error) {
    if (maybeErrno(error) === "EEXIST") return false;
    throw error;
  }
}

/** Moves a lock away and looks whether it is still the one that was found stale: another process may have been faster. */
function removeStale(path: string, run: Run): void {
  const found = maybeText(path);
  if (found === undefined) return;
  assertStale(found, run);
  const aside = join(run.path, `.lock-stale-${process.pid}`);
  try {
    renameSync(path, aside);
  } catch (error) {
    if (maybeErrno(error) === "ENOENT") return;
    throw error;
  }
  if (maybeText(aside) !== found) linked(aside, path);
  rmSync(aside, { force: true });
}

/** Throws E_RUN_LOCKED unless the lock's process is known to be gone. */
function assertStale(text: string, run: Run): void {
  const holder = parseHolder(text);
  if (holder === undefined || isGone(holder)) return;
  const here = holder.host === hostname();
  fail({
    code: "E_RUN_LOCKED",
    where: run.path,
    expected: "a run that no other process trains",
    got: `process ${holder.pid}${here ? "" : ` on ${holder.host}`}`,
    hint: here
      ? "Wait for it, stop it, or start another run."
      : `Wait for it, or delete ${lockPath(run)} if that process no longer runs.`,
  });
}

/** Undefined where the text is no lock: no process writes such a file. */
function parseHolder(text: string): Holder | undefined {
  try {
    return lockFile.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function isGone({ host, pid, began }: Holder): boolean {
  if (host !== hostname()) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (maybeErrno(error) === "ESRCH") return true;
  }
  return began !== null && beganOf(pid) !== began;
}

/** Boot and start time of a process, which tell it from a later one of the same number; Linux only. */
function beganOf(pid: number): string | null {
  const stat = maybeText(`/proc/${pid}/stat`);
  const boot = maybeText("/proc/sys/kernel/random/boot_id");
  // The program's name, in parentheses, may hold spaces; the start time is the 20th field behind it.
  const start = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return start === undefined || boot === undefined ? null : `${boot.trim()} ${start}`;
}

function maybeText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
