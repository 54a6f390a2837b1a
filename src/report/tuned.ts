/** What was tuned to reach the size, as short phrases: { "layers[*].channel.hidden": 250 } → "channel hidden 250". */
import { visibleLine } from "./escape.ts";
import { threeDigits, whole } from "./format.ts";

export function tunedPhrases(tuned: Readonly<Record<string, number | string>>): string[] {
  return Object.entries(tuned).map(([path, value]) => {
    const words = path.replace(/^layers\[\*\]\./, "").replaceAll(".", " ");
    return visibleLine(`${words} ${typeof value === "number" ? numeral(value) : value}`);
  });
}

const numeral = (value: number): string => (Number.isInteger(value) ? whole(value) : threeDigits(value));
