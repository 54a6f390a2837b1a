import { whole } from "../report/index.ts";
import type { Dataset } from "../tasks/index.ts";

/** Where a task's data come from and how they were divided, in one line; hashes by their beginning. */
export const provenanceText = ({ name, facts }: Pick<Dataset, "name" | "facts">): string =>
  `${name}: ${Object.entries(facts)
    .map(([key, value]) => `${words(key)} ${text(value)}`)
    .join(", ")}`;

/** `heldWords` → held words */
const words = (key: string): string => key.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

function text(value: unknown): string {
  if (typeof value === "string") return /^[0-9a-f]{64}$/.test(value) ? `${value.slice(0, 12)}…` : value;
  return typeof value === "number" && Number.isInteger(value) ? whole(value) : JSON.stringify(value);
}
