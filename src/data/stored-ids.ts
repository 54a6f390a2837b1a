/** Ids behind one another, more of them than memory should hold: what is beyond a bound lies in a file that nobody else sees. */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fail } from "../tensor/error.ts";
import { type IdStore, IdsInMemory } from "./ids.ts";

/** Ids that stay in memory: 256 MiB. */
const mostInMemory = 1 << 26;

/** Throws `E_CORPUS_STORE` where the file cannot be written. */
export class StoredIds implements IdStore {
  private readonly tail = new IdsInMemory();
  /** Ids in the file; those of `tail` follow. */
  private written = 0;
  private file: number | undefined;
  private readonly most: number;
  private readonly folder: string;

  /** `most`: ids in memory before they are written, all at once, behind those of the file. */
  constructor({ most = mostInMemory, folder = tmpdir() }: { most?: number; folder?: string } = {}) {
    this.most = most;
    this.folder = folder;
  }

  get length(): number {
    return this.written + this.tail.length;
  }

  push(ids: ArrayLike<number>): void {
    if (this.tail.length > 0 && this.tail.length + ids.length > this.most) this.write();
    this.tail.push(ids);
  }

  read(start: number, end: number): Int32Array {
    if (start >= this.written) return this.tail.read(start - this.written, end - this.written);
    const ids = new Int32Array(end - start);
    const bytes = new Uint8Array(ids.buffer);
    for (let done = 0; done < bytes.length; ) {
      const count = readSync(this.file!, bytes, done, bytes.length - done, 4 * start + done);
      if (count === 0) throw new Error("The file of stored ids is shorter than what was written into it.");
      done += count;
    }
    return ids;
  }

  private write(): void {
    const { buffer, byteOffset, byteLength } = this.tail.all();
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    try {
      this.file ??= temporaryFile(this.folder);
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.file, bytes, done, bytes.length - done, 4 * this.written + done);
    } catch (cause) {
      failStore(this.folder, cause);
    }
    this.written += this.tail.length;
    this.tail.clear();
  }
}

/** A file without a name from the beginning, or, where the system wants one (Windows), until the process ends. */
function temporaryFile(folder: string): number {
  const home = mkdtempSync(join(folder, "seqlab-ids-"));
  const file = openSync(join(home, "ids"), "wx+", 0o600);
  const remove = () => rmSync(home, { recursive: true, force: true });
  if (process.platform !== "win32") remove();
  else
    process.once("exit", () => {
      closeSync(file);
      remove();
    });
  return file;
}

function failStore(folder: string, cause: unknown): never {
  return fail({
    code: "E_CORPUS_STORE",
    where: folder,
    expected: "room for the ids of a corpus larger than memory",
    got: cause instanceof Error ? cause.message : String(cause),
    hint: "TMPDIR names another folder.",
    cause,
  });
}
