/** How values are written everywhere in reports and tables: units, digits, spreads. Deterministic, English, no locale of the machine. */
import type { BitsPerByte, Figure, ScoreFigure } from "../analysis/index.ts";

/** Stands where a value is missing or not finite. */
export const MISSING = "—";

const BINARY_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** Three significant digits, never exponents: 0.0123, 1.23, 12.3, 123, 12,346. */
export function threeDigits(value: number): string {
  if (!Number.isFinite(value)) return MISSING;
  return value === 0 ? "0" : grouped(value, threeDigitDecimals(value));
}

/** Decimals with which a number has three significant digits. */
export function threeDigitDecimals(value: number): number {
  if (value === 0 || !Number.isFinite(value)) return 0;
  const size = Math.floor(Math.log10(Math.abs(Number(value.toPrecision(3)))));
  return Math.min(6, Math.max(0, 2 - size));
}

/** Whole number with thousands separators. */
export function whole(value: number): string {
  return Number.isFinite(value) ? grouped(value, 0) : MISSING;
}

/** 950, 12.3k, 498k, 1.25M, 3.1G: for axes and narrow columns. */
export function shortCount(value: number): string {
  if (!Number.isFinite(value)) return MISSING;
  for (const [factor, suffix] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const) {
    if (Math.abs(value) >= factor * 0.9995) return `${trimmed(value / factor)}${suffix}`;
  }
  return trimmed(value);
}

/** Bytes with a binary unit: 512 B, 4 KiB, 1.5 MiB. */
export function bytes(value: number): string {
  if (!Number.isFinite(value)) return MISSING;
  const power = binaryPower(value);
  return `${trimmed(value / 1024 ** power)} ${BINARY_UNITS[power]}`;
}

/** Bytes as a bare number of MiB, for columns whose header carries the unit. */
export function mebibytes(value: number): string {
  return Number.isFinite(value) ? threeDigits(value / 1024 ** 2) : MISSING;
}

/** A measured number of bytes with its spread in the same unit: 312 ± 4 MiB. */
export function bytesFigure(figure: Figure): string {
  if (!Number.isFinite(figure.mean)) return MISSING;
  const power = binaryPower(figure.mean);
  const [mean, spread] = [figure.mean / 1024 ** power, figure.spread / 1024 ** power];
  return `${plusMinus({ mean, spread, n: figure.n }, decimalsOf(trimmed(mean)))} ${BINARY_UNITS[power]}`;
}

/** `mean ± spread`, both with the same number of decimals; the spread is left out where only one value was measured. */
export function plusMinus({ mean, spread, n }: Figure, decimals = threeDigitDecimals(mean)): string {
  if (!Number.isFinite(mean)) return MISSING;
  const measured = n > 1 && Number.isFinite(spread);
  return measured ? `${grouped(mean, decimals)} ± ${grouped(spread, decimals)}` : grouped(mean, decimals);
}

/** Bits per byte with three decimals and its spread; `≤` in front of an upper bound. */
export function bitsPerByte(figure: BitsPerByte): string {
  const text = plusMinus(figure, 3);
  return figure.kind === "upper-bound" && text !== MISSING ? `≤ ${text}` : text;
}

/** A score with its spread, its unit left to the heading; shares as percent. */
export function scoreFigure({ unit, mean, spread, n }: ScoreFigure): string {
  const factor = unit === "share" ? 100 : 1;
  return plusMinus(
    { mean: factor * mean, spread: factor * spread, n },
    unit === "share" || unit === "%" ? 1 : undefined,
  );
}

export function decimals3(value: number): string {
  return Number.isFinite(value) ? value.toFixed(3) : MISSING;
}

/** Energy with a decimal unit: 12.3 pJ, 4.5 mJ. */
export function joules(value: number): string {
  if (!Number.isFinite(value)) return MISSING;
  const units = ["pJ", "nJ", "µJ", "mJ", "J"];
  const power = Math.min(
    units.length - 1,
    Math.max(0, Math.floor(Math.log10(Math.max(1e-12, value * 1.0005)) / 3) + 4),
  );
  return `${trimmed((value * 1e12) / 1000 ** power)} ${units[power]}`;
}

/** Percent without decimals from 10 % on, with one below. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return MISSING;
  return `${(share * 100).toFixed(Math.abs(share) < 0.0995 && share !== 0 ? 1 : 0)} %`;
}

/** 42 s, 4 min 32 s, 1 h 05 min. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return MISSING;
  const total = Math.round(seconds);
  if (total < 60) return `${seconds < 10 ? trimmed(seconds) : total} s`;
  const minutes = Math.floor(total / 60);
  if (minutes < 60) return `${minutes} min ${pad2(total % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${pad2(minutes % 60)} min`;
}

/** Context length in tokens: 1024 → 1k, 262144 → 256k, 1000 → 1,000. */
export function contextLength(tokens: number): string {
  for (const [factor, suffix] of [
    [1024 ** 2, "M"],
    [1024, "k"],
  ] as const) {
    if (tokens >= factor && tokens % factor === 0) return `${whole(tokens / factor)}${suffix}`;
  }
  return whole(tokens);
}

/** "1 seed", "3 seeds". */
export function counted(count: number, noun: string): string {
  return `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** An ISO timestamp as "15 January 2026, 10:20 UTC"; anything else as it is. */
export function calendarDate(text: string): string {
  const time = /^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) return text;
  const date = new Date(time);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}, ${text.slice(11, 16)} UTC`;
}

const MONTHS = "January February March April May June July August September October November December".split(" ");

const decimalsOf = (text: string): number => text.split(".")[1]?.length ?? 0;

function binaryPower(value: number): number {
  const power = Math.floor(Math.log2(Math.max(1, Math.abs(value))) / 10 + 1e-9);
  return Math.min(BINARY_UNITS.length - 1, power);
}

/** Three significant digits without trailing zeros. */
function trimmed(value: number): string {
  const text = threeDigits(value);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function grouped(value: number, digits: number): string {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

const pad2 = (value: number): string => String(value).padStart(2, "0");
