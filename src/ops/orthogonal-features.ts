/**
 * Directions for random features, as plain numbers: every run of `width` rows is orthogonal, each row as long as a
 * Gaussian vector would be (Choromanski et al. 2021, section 2.4).
 */
export function orthogonalFeatures(uniform: () => number, rows: number, width: number): number[][] {
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const gaussian = () => Array.from({ length: width }, normal);
  const all: number[][] = [];
  while (all.length < rows) {
    const block: number[][] = [];
    for (let i = 0; i < Math.min(width, rows - all.length); i++) block.push(orthogonalTo(block, gaussian()));
    all.push(...block);
  }
  return all.map((row) => {
    const length = Math.hypot(...gaussian());
    return row.map((x) => x * length);
  });
}

/** The unit vector of what is left of x beside these unit vectors (Gram–Schmidt, twice for accuracy). */
function orthogonalTo(block: readonly (readonly number[])[], x: readonly number[]): number[] {
  const rest = [...block, ...block].reduce<readonly number[]>((left, row) => {
    const along = left.reduce((sum, value, i) => sum + value * row[i]!, 0);
    return left.map((value, i) => value - along * row[i]!);
  }, x);
  const length = Math.hypot(...rest);
  return rest.map((value) => value / length);
}
