import { basename } from "node:path";

/** A word as a POSIX shell reads it back. */
export function shellWord(word: string): string {
  return /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** How this program is called on this machine: by its name where it is installed, through npm in a checkout. */
export function programCall(script: string | undefined = process.argv[1]): string {
  return script !== undefined && basename(script) === "main.ts" ? "npm run seqlab --" : "seqlab";
}

/** A whole command line that can be pasted into a shell. */
export function commandLine(words: readonly string[]): string {
  return [programCall(), ...words.map(shellWord)].join(" ");
}
