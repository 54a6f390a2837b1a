/** Tick positions: even steps on linear axes; powers that suit bytes, context lengths and times on logarithmic ones. */

/** About `most` multiples of 1, 2 or 5 times a power of ten, in units of `unit`. */
export function evenTicks(low: number, high: number, most: number, unit = 1): number[] {
  const rough = (high - low) / unit / most;
  if (!(rough > 0)) return [low];
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5].find((factor) => factor * magnitude >= rough * 0.999) ?? 10) * magnitude * unit;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Powers of `base` from `low` to `high`, thinned to at most `most`; `low` itself where no power lies between. */
export function powerTicks(base: number, low: number, high: number, most: number): number[] {
  const first = Math.ceil(Math.log(low) / Math.log(base) - 1e-9);
  const last = Math.floor(Math.log(high) / Math.log(base) + 1e-9);
  const stride = Math.max(1, Math.ceil((last - first + 1) / most));
  const ticks: number[] = [];
  for (let power = first; power <= last; power += stride) ticks.push(base ** power);
  return ticks.length > 0 ? ticks : [low];
}

/** 1, 2, 5, 10, … between `low` and `high`; decades only where that would be more than `most`. */
export function decimalTicks(low: number, high: number, most: number): number[] {
  if (!(low > 0)) return [];
  for (const steps of [[1, 2, 5], [1, 3], [1]]) {
    const ticks: number[] = [];
    for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power += 1) {
      ticks.push(
        ...steps.map((step) => Number((step * 10 ** power).toPrecision(3))).filter((v) => v >= low && v <= high),
      );
    }
    if (ticks.length <= most || steps.length === 1) return ticks;
  }
  return [];
}

/** Lowest and highest finite value, and undefined where there is none. */
export function extent(values: Iterable<number>): { low: number; high: number } | undefined {
  const finite = [...values].filter(Number.isFinite);
  return finite.length === 0 ? undefined : { low: Math.min(...finite), high: Math.max(...finite) };
}
