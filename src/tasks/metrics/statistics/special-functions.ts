/** Functions behind the distributions, in double precision (relative error about 1e-14, the tails included). */

// Lanczos' approximation of ln Γ with g = 7 and nine terms (Godfrey's coefficients).
const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** ln Γ(x) for x > 0. */
export function lnGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - lnGamma(1 - x);
  const shifted = x + 6.5;
  const series = lanczos.slice(1).reduce((sum, c, i) => sum + c / (x + i), lanczos[0]!);
  return Math.log(2 * Math.PI) / 2 + (x - 0.5) * Math.log(shifted) - shifted + Math.log(series);
}

/** ln B(a, b). */
export const lnBeta = (a: number, b: number): number => lnGamma(a) + lnGamma(b) - lnGamma(a + b);

/** Both parts of the regularised incomplete gamma function: P(a, x) below x, Q(a, x) above. Neither is 1 − a small one. */
export function gammaParts(a: number, x: number): { below: number; above: number } {
  if (x <= 0) return { below: 0, above: 1 };
  if (x === Number.POSITIVE_INFINITY) return { below: 1, above: 0 };
  const front = Math.exp(a * Math.log(x) - x - lnGamma(a));
  if (x < a + 1) {
    const below = front * gammaSeries(a, x);
    return { below, above: 1 - below };
  }
  // 1/(x+1−a − 1(1−a)/(x+3−a − 2(2−a)/(x+5−a − …))), Abramowitz & Stegun 6.5.31 contracted.
  const above = front * continuedFraction((n) => ({ a: n === 1 ? 1 : -(n - 1) * (n - 1 - a), b: x + 2 * n - 1 - a }));
  return { below: 1 - above, above };
}

function gammaSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= x / (a + n);
    sum += term;
  }
  return sum;
}

/**
 * Both parts of the regularised incomplete beta function: Iₓ(a, b) below x, and 1 − Iₓ above. `y` is 1 − x, given apart
 * because the difference loses digits near 1.
 */
export function betaParts({ x, y, a, b }: { x: number; y: number; a: number; b: number }): {
  below: number;
  above: number;
} {
  if (x <= 0) return { below: 0, above: 1 };
  if (y <= 0) return { below: 1, above: 0 };
  const front = Math.exp(a * Math.log(x) + b * Math.log(y) - lnBeta(a, b));
  if (x < (a + 1) / (a + b + 2)) {
    const below = (front * betaFraction(x, a, b)) / a;
    return { below, above: 1 - below };
  }
  const above = (front * betaFraction(y, b, a)) / b;
  return { below: 1 - above, above };
}

/** Abramowitz & Stegun 26.5.8. */
function betaFraction(x: number, a: number, b: number): number {
  return continuedFraction((n) => {
    const m = Math.floor((n - 1) / 2);
    if (n === 1) return { a: 1, b: 1 };
    const even = n % 2 === 1;
    const numerator = even
      ? (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
      : (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    return { a: numerator, b: 1 };
  });
}

const tiny = 1e-300;

/** a₁/(b₁ + a₂/(b₂ + …)) by Lentz's method. */
function continuedFraction(part: (n: number) => { a: number; b: number }): number {
  let [value, c, d] = [tiny, tiny, 0];
  for (let n = 1; n < 100_000; n++) {
    const { a, b } = part(n);
    d = 1 / (b + a * d || tiny);
    c = b + a / c || tiny;
    value *= c * d;
    if (Math.abs(c * d - 1) < 1e-16) break;
  }
  return value;
}
