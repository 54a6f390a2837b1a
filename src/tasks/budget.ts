/** Between tokens and steps, where steps may hold unlike numbers of tokens. */

/** Tokens that are predicted in the first so many steps; grows with them. */
type Tokens = (steps: number) => number;

/** The fewest steps that predict at least so many tokens. */
export function stepsReaching(tokens: number, tokensBefore: Tokens): number {
  let [below, enough] = [0, 1];
  while (tokensBefore(enough) < tokens) [below, enough] = [enough, 2 * enough];
  while (enough - below > 1) {
    const middle = Math.floor((below + enough) / 2);
    if (tokensBefore(middle) < tokens) below = middle;
    else enough = middle;
  }
  return enough;
}

/** The most steps that predict no more than so many tokens, and at least one. */
export function stepsWithin(tokens: number, tokensBefore: Tokens): number {
  const reaching = stepsReaching(tokens, tokensBefore);
  return Math.max(1, tokensBefore(reaching) > tokens ? reaching - 1 : reaching);
}
