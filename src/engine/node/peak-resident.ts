import { readFileSync } from "node:fs";

/**
 * Peak resident bytes of this process so far. Linux lets a new process inherit `ru_maxrss` from the one that forked it, so there the
 * high-water mark of the address space (`VmHWM`) is read, which starts anew with the program.
 */
export function peakResidentBytes(): number {
  const kibibytes = highWaterMark() ?? process.resourceUsage().maxRSS;
  return kibibytes * 1024;
}

function highWaterMark(): number | undefined {
  if (process.platform !== "linux") return undefined;
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"));
  return line ? Number(line[1]) : undefined;
}
