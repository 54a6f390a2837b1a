/** Writing so that a crash leaves either the old or the new file, and disk trouble as errors that say what to do. */
import { closeSync, constants, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fail } from "../tensor/error.ts";

/**
 * Runs a file operation; its system error becomes a SeqlabError: `E_DISK_FULL`, `E_DISK_PERMISSION`, `E_DISK_VANISHED`,
 * `E_DISK_FOLDER` or `E_DISK`, naming `path`, with `kept` (what of the user's work is safe) as the hint.
 */
export function onDisk<T>(path: string, kept: string, operation: () => T): T {
  try {
    return operation();
  } catch (cause) {
    const errno = maybeErrno(cause);
    if (errno === undefined) throw cause;
    return failDisk(path, errno, kept, cause);
  }
}

/** `ENOENT` and the like, of an error of the file system. */
export const maybeErrno = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" && "syscall" in error
    ? error.code
    : undefined;

function failDisk(where: string, got: string, hint: string, cause: unknown): never {
  const [code, expected] = disk[got] ?? (["E_DISK", "a working file system"] as const);
  return fail({ code, where, expected, got, hint, cause });
}

const full = ["E_DISK_FULL", "free space on the disk"] as const;
const permission = ["E_DISK_PERMISSION", "permission to read and write"] as const;
const vanished = ["E_DISK_VANISHED", "a folder that is still there (it was moved or deleted)"] as const;
const noFolder = ["E_DISK_FOLDER", "folders along this path (a file stands where one should be)"] as const;
const disk: Record<string, readonly [code: `E_${string}`, expected: string]> = {
  ENOSPC: full,
  EDQUOT: full,
  EFBIG: full,
  EACCES: permission,
  EPERM: permission,
  EROFS: permission,
  ENOENT: vanished,
  ENOTDIR: noFolder,
  EEXIST: noFolder,
  ESTALE: vanished,
};

/** Writes a new file and waits until the disk has it. */
export function writeDurably(path: string, content: Uint8Array | string): void {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  const file = openSync(path, "w");
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Replaces a file in one step: readers, and a crash, see the old bytes or the new. */
export function replaceDurably(path: string, content: Uint8Array | string): void {
  const fresh = join(dirname(path), `.${basename(path)}.new`);
  try {
    writeDurably(fresh, content);
    renameSync(fresh, path);
    syncFolder(dirname(path));
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}

/** Makes renames inside a folder durable. Windows cannot open folders and needs no such step. */
export function syncFolder(path: string): void {
  if (process.platform === "win32") return;
  const folder = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
