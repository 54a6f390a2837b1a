/**
 * How few waves a sequence of numbers is made of, as weights over the residues of modular arithmetic become when a net has found the
 * rule (Doshi et al. 2024, "To grok or not to grok", arXiv 2310.13061, section 2): IPR = Σ_k P_k² / (Σ_k P_k)², P_k the power at
 * frequency k. The two complex frequencies of a real wave count as one, so that a wave of any phase gives 1; noise gives about 4/n.
 * NaN for zeros alone.
 */
export function inverseParticipationRatio(values: ArrayLike<number>): number {
  const powers = powerSpectrum(values);
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.reduce((sum, power) => sum + (power / total) ** 2, 0);
}

/** Power at 0, 1 … ⌊n/2⌋ waves over the whole sequence; together the sum of the squares. */
export function powerSpectrum(values: ArrayLike<number>): number[] {
  const n = values.length;
  return Array.from({ length: Math.floor(n / 2) + 1 }, (_, k) => {
    let [re, im] = [0, 0];
    for (let t = 0; t < n; t++) {
      const angle = (2 * Math.PI * ((k * t) % n)) / n;
      re += values[t]! * Math.cos(angle);
      im -= values[t]! * Math.sin(angle);
    }
    const alone = k === 0 || 2 * k === n;
    return ((alone ? 1 : 2) * (re * re + im * im)) / n;
  });
}
