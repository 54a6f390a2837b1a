/** How places change when the noise is taken back, one step after another. Axes: C ids. */

/** A step from a time t back to s < t. */
export interface ReverseStep {
  /** t, where the model is told. */
  time?: number;
  /** Whether a place that holds `id` may change. */
  moves(id: number): boolean;
  /** Unnormalised probabilities [C] of what such a place holds at s, by what the model believes of the text, p(x₀) [C]. */
  weights(p: ArrayLike<number>, id: number): ArrayLike<number>;
}

/**
 * Absorbing noise that masks the share `from` of the tokens at t, `to` at s: a masked place is revealed as p·(from − to) and stays
 * with `to`, others keep their token (Sahoo et al. 2024, arXiv 2406.07524, eq. 6; of D3PM's eq. 4 the same with 1 − ᾱ).
 */
export const absorbingStep = ({ mask, from, to }: { mask: number; from: number; to: number }): ReverseStep => ({
  moves: (id) => id === mask,
  weights: (p) => Float64Array.from(p, (share, id) => (id === mask ? to : share * (from - to))),
});

/**
 * Uniform noise that leaves ᾱ_t = `from` of the tokens at t, ᾱ_s = `to` at s, of C classes: q(x_t | x_s)·Σ_x₀ q(x_s | x₀)·p(x₀)
 * (Austin et al. 2021, arXiv 2107.03006, eq. 4).
 */
export const uniformStep = ({ from, to }: { from: number; to: number }): ReverseStep => ({
  moves: () => true,
  weights(p, id) {
    const C = p.length;
    const kept = from / to;
    return Float64Array.from(p, (share, k) => ((1 - kept) / C + (k === id ? kept : 0)) * ((1 - to) / C + to * share));
  },
});

/** The likeliest token at every place that moves. */
export const likeliestStep = (moves: (id: number) => boolean): ReverseStep => ({
  moves,
  weights(p) {
    const values = Float64Array.from(p);
    const best = values.indexOf(values.reduce((a, b) => Math.max(a, b)));
    return values.map((_, id) => Number(id === best));
  },
});

/** Times T = t_0 > t_1 > … > 0 of at most `steps` steps, as even as whole numbers allow. */
export function strides(T: number, steps: number): { from: number; to: number }[] {
  const times = Array.from({ length: steps + 1 }, (_, i) => Math.round(T * (1 - i / steps)));
  return times.slice(1).flatMap((to, i) => (to < times[i]! ? [{ from: times[i]!, to }] : []));
}
