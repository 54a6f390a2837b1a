/**
 * Share ᾱ_t of tokens that discrete diffusion has left as they were after t of T steps (Austin et al. 2021, arXiv 2107.03006).
 *
 * reciprocal: β_t = 1/(T − t + 1), so that ᾱ_t = 1 − t/T (section 3.2; for uniform and absorbing transitions, the mutual
 * information falls evenly under absorbing ones); cosine: ᾱ_t = f(t)/f(0), f(t) = cos((t/T + 0.008)/1.008 · π/2) (appendix A.2).
 */
export const keptSchedules = ["reciprocal", "cosine"] as const;
export type KeptSchedule = (typeof keptSchedules)[number];

const shares: Readonly<Record<KeptSchedule, (time: number) => number>> = {
  reciprocal: (time) => 1 - time,
  cosine: (time) => cosine(time) / cosine(0),
};
const cosine = (time: number): number => Math.cos((((time + 0.008) / 1.008) * Math.PI) / 2);

/** ᾱ_0 … ᾱ_T: 1 in front of the first step, exactly 0 behind the last, so that nothing of the text is left. */
export function keptShares(schedule: KeptSchedule, times: number): number[] {
  return Array.from({ length: times + 1 }, (_, t) => (t === 0 ? 1 : t === times ? 0 : shares[schedule](t / times)));
}
