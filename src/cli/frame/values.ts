/** Numbers on the command line. */
import { failUsage } from "./usage-error.ts";

const factors: Readonly<Record<string, number>> = { "": 1, k: 1e3, M: 1e6, G: 1e9 };

interface Range {
  least?: number;
  most?: number;
}

/** A whole number such as 500, 64k or 1.5M. Throws E_OPTION. */
export function wholeNumber(
  option: string,
  text: string,
  { least = 1, most = Number.MAX_SAFE_INTEGER }: Range = {},
): number {
  const [, digits, suffix = ""] = /^(\d+(?:\.\d+)?(?:e\d+)?)([kMG]?)$/.exec(text) ?? [];
  const value = Math.round(Number(digits) * factors[suffix]! * 1e6) / 1e6;
  if (!Number.isInteger(value) || value < least || value > most)
    failUsage({
      code: "E_OPTION",
      where: `--${option}`,
      expected: `a whole number ${rangeText({ least, most })}`,
      got: `"${text}"`,
    });
  return value;
}

/** Any number in a range: ends included, `above` not. Throws E_OPTION. */
export function numberIn(
  option: string,
  text: string,
  { above, least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY }: Range & { above?: number } = {},
): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  const fits = Number.isFinite(value) && value >= least && value <= most && (above === undefined || value > above);
  const from = above === undefined ? `from ${least}` : `above ${above}`;
  if (!fits)
    failUsage({
      code: "E_OPTION",
      where: `--${option}`,
      expected: `a number ${from}${most === Number.POSITIVE_INFINITY ? "" : ` to ${most}`}`,
      got: `"${text}"`,
    });
  return value;
}

function rangeText({ least, most }: { least: number; most: number }): string {
  return most >= Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
}
