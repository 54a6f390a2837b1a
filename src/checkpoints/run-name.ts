/** Names of runs become folders, so that only names which are one harmless path segment everywhere pass. */
import { fail } from "../tensor/error.ts";

/** Windows keeps these names for devices, whatever follows a dot. */
const device = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** Throws `E_RUN_NAME` unless `name` is 1–100 letters, digits, `.`, `_`, `-`, beginning with a letter or digit. */
export function assertRunName(name: string): void {
  if (
    typeof name === "string" &&
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name) &&
    !name.endsWith(".") &&
    !device.test(name)
  ) {
    return;
  }
  fail({
    code: "E_RUN_NAME",
    where: "run name",
    expected: "1 to 100 letters, digits, dots, underscores or hyphens, beginning with a letter or digit",
    got: JSON.stringify(name)?.slice(0, 120) ?? "nothing",
    hint: "Write for example `llama-2` (a name, not a path).",
  });
}
