import { writeFileSync } from "node:fs";
import { fail } from "../tensor/index.ts";

/** Writes a page. Throws E_REPORT. */
export function writeReport(report: string, page: string): void {
  try {
    writeFileSync(report, page);
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    fail({ code: "E_REPORT", where: `--report ${report}`, expected: "a file that can be written", got, cause });
  }
}
