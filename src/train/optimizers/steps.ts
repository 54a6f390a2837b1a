/** A left fold over steps 1 … t that remembers the last t, so that going on costs one step. */
export function foldSteps<A>(start: A, next: (before: A, t: number) => A): (t: number) => A {
  let at = 0;
  let value = start;
  return (t) => {
    if (t < at) [at, value] = [0, start];
    while (at < t) value = next(value, ++at);
    return value;
  };
}

/** 1 at step 1, then 0: what slots that start elsewhere than at 0 are told. */
export const firstAt = (t: number): number => (t === 1 ? 1 : 0);
