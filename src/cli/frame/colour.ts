import type { WriteStream } from "node:tty";

const codes = { red: [31, 39], bold: [1, 22], dim: [2, 22] } as const;

/** Whether a stream shows colours: a terminal, unless NO_COLOR is set (no-color.org) or it can show none. */
export function hasColour(
  stream: Pick<WriteStream, "isTTY"> = process.stderr,
  env: NodeJS.ProcessEnv = process.env,
): boolean {
  return stream.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb";
}

/** Text for standard error in a colour, where it shows any. */
export function colour(name: keyof typeof codes, text: string): string {
  if (!hasColour()) return text;
  const [on, off] = codes[name];
  return `\u001b[${on}m${text}\u001b[${off}m`;
}
