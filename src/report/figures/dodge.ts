/**
 * Moves positions on a line apart until neighbours keep `gap`, with the least total squared displacement inside [from, to]
 * (pool adjacent violators). Where there is no room for the gap, all are spread evenly.
 */
export function dodge(positions: readonly number[], gap: number, from: number, to: number): number[] {
  const room = Math.max(0, to - from);
  const step = Math.min(gap, positions.length > 1 ? room / (positions.length - 1) : gap);
  const order = positions.map((_, i) => i).sort((a, b) => (positions[a] ?? 0) - (positions[b] ?? 0) || a - b);
  const pools: Pool[] = [];
  order.forEach((i, place) => {
    pools.push({ sum: (positions[i] ?? 0) - place * step, members: [i] });
    mergeBack(pools);
  });
  const result = positions.slice();
  let place = 0;
  for (const { sum, members } of pools) {
    const start = clamp(sum / members.length, from, to - (positions.length - 1) * step);
    for (const i of members) result[i] = start + place++ * step;
  }
  return result;
}

/** Neighbours that ended up one step apart, with the sum of where they want the first of all to be. */
interface Pool {
  sum: number;
  members: number[];
}

function mergeBack(pools: Pool[]): void {
  for (
    let last = pools.at(-1), before = pools.at(-2);
    last && before && mean(before) > mean(last);
    last = pools.at(-1), before = pools.at(-2)
  ) {
    pools.splice(-2, 2, { sum: before.sum + last.sum, members: [...before.members, ...last.members] });
  }
}

const mean = ({ sum, members }: Pool): number => sum / members.length;
const clamp = (value: number, low: number, high: number): number => Math.max(low, Math.min(high, value));
