/** Small groups as multiplication tables: element 0 is the identity, table[a][b] = a·b. */

/** S, A and Z stand for all permutations, the even ones, and counting modulo n. */
export const groupPattern = /^(S[2-5]|A[3-5]|Z[1-9]\d{0,2})$/;

export function groupTable(name: string): number[][] {
  const n = Number(name.slice(1));
  if (name.startsWith("Z")) return range(n).map((a) => range(n).map((b) => (a + b) % n));
  const all = permutations(range(n));
  const elements = name.startsWith("A") ? all.filter(isEven) : all;
  const index = new Map(elements.map((element, i) => [element.join(), i]));
  return elements.map((a) => elements.map((b) => index.get(b.map((i) => a[i]!).join())!));
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** In lexicographic order, the given one first. */
function permutations(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}

function isEven(permutation: readonly number[]): boolean {
  let inversions = 0;
  for (let i = 0; i < permutation.length; i++)
    for (let j = i + 1; j < permutation.length; j++) if (permutation[i]! > permutation[j]!) inversions++;
  return inversions % 2 === 0;
}

/** x₀, x₀·x₁, x₀·x₁·x₂, … */
export function runningProducts(table: readonly (readonly number[])[], word: readonly number[]): number[] {
  let product = 0;
  return word.map((element) => (product = table[product]![element]!));
}
