/**
 * Error function in double precision (error below 1e-15).
 * |x| < 2.5: erf x = 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (2n+1)!!, whose terms are all positive (Abramowitz & Stegun 7.1.6).
 * Beyond: 1 − erfc x by the continued fraction of Laplace (7.1.14), where erfc is so small that its own error vanishes.
 */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (size < 2.5) return series(x);
  if (size > 6) return Math.sign(x);
  return Math.sign(x) * (1 - fraction(size));
}

function series(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** erfc x = e^(−x²)/√π · 1/(x + (1/2)/(x + (2/2)/(x + (3/2)/(x + …)))), from the inside out. */
function fraction(x: number): number {
  let tail = x;
  for (let n = 60; n > 0; n--) tail = x + n / 2 / tail;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / tail;
}
