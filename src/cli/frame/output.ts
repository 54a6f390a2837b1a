/** Data go to standard output, everything else to standard error. */

/** Status of a program whose reader went away, as shells give it (128 + SIGPIPE). */
export const pipeClosedStatus = 141;

/** Thrown by the next write when the reader of standard output has seen enough (`| head`): the command ends quietly. */
export class OutputClosed extends Error {
  override readonly name = "OutputClosed";
}

let guarded = false;
let closed = false;

/** Turns a closed standard output into {@link OutputClosed}; a closed standard error only silences progress. */
export function guardStreams(): void {
  if (guarded) return;
  guarded = true;
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    closed = true;
    // Not process.exit: an engine's thread may be at work, and ends orderly.
    process.exitCode = pipeClosedStatus;
  });
  process.stderr.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

export function printData(text: string): void {
  if (closed) throw new OutputClosed("the reader of standard output is gone");
  process.stdout.write(text);
}

/** One JSON document; numbers that JSON lacks become null. */
export function printJson(value: unknown): void {
  printData(`${JSON.stringify(value, null, 2)}\n`);
}

/** A line on standard error. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Text of foreign origin; a terminal must not obey the control characters in it. */
export function printText(text: string): void {
  printData(process.stdout.isTTY === true ? visible(text) : text);
}

/** Control characters, line breaks and tabs aside, as the replacement character. */
export const visible = (text: string): string => text.replaceAll(/[^\P{C}\n\t]/gu, "�");
