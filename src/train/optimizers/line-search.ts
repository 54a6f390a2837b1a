/** One point of a search along a direction. */
export interface LinePoint {
  /** Step along the direction. */
  t: number;
  loss: number;
  /** Derivative of the loss by t. */
  slope: number;
  gradient: Float64Array;
}

interface LineSearch {
  /** Where the search starts, t = 0; its slope is negative. */
  start: LinePoint;
  /** First step tried. */
  t: number;
  at: (t: number) => Promise<LinePoint>;
  /** Largest entry of the direction: brackets that move no parameter by more than `smallestMove` are not narrowed. */
  reach: number;
}

const sufficientDecrease = 1e-4;
const curvature = 0.9;
const smallestMove = 1e-9;
const mostSteps = 25;

/** A step with sufficient decrease and a flat enough slope (strong Wolfe), bracketed, then narrowed (Nocedal & Wright 2006, algorithms 3.5 and 3.6). */
export async function strongWolfe(search: LineSearch): Promise<{ found: LinePoint; evaluations: number }> {
  const bracket = await findBracket(search);
  return bracket.done ? { found: bracket.high, evaluations: bracket.steps + 1 } : narrow(search, bracket);
}

interface Bracket {
  /** In the order in which they were found. */
  low: LinePoint;
  high: LinePoint;
  steps: number;
  /** `high` satisfies both conditions. */
  done: boolean;
}

const tooHigh = ({ t, loss }: LinePoint, start: LinePoint) => loss > start.loss + sufficientDecrease * t * start.slope;
const flat = ({ slope }: LinePoint, start: LinePoint) => Math.abs(slope) <= -curvature * start.slope;

/** Longer and longer steps until one lies beyond a minimum. */
async function findBracket({ start, t, at }: LineSearch): Promise<Bracket> {
  let before = start;
  let now = await at(t);
  for (let steps = 0; steps < mostSteps; steps++) {
    if (tooHigh(now, start) || (steps > 1 && now.loss >= before.loss))
      return { low: before, high: now, steps, done: false };
    if (flat(now, start)) return { low: before, high: now, steps, done: true };
    if (now.slope >= 0) return { low: before, high: now, steps, done: false };
    const next = cubicMinimum(before, now, [now.t + 0.01 * (now.t - before.t), now.t * 10]);
    before = now;
    now = await at(next);
  }
  return { low: start, high: now, steps: mostSteps, done: false };
}

/** Shrinks a bracket around a minimum; `ends` stay in the order in which they were found. */
async function narrow({ start, at, reach }: LineSearch, { low, high, steps: before }: Bracket) {
  const ends = [low, high] as [LinePoint, LinePoint];
  let best = low.loss <= high.loss ? 0 : 1;
  let slow = false;
  let steps = before;
  while (steps < mostSteps && Math.abs(ends[1].t - ends[0].t) * reach >= smallestMove) {
    const trial = safeStep(ends, slow);
    slow = trial.slow;
    const now = await at(trial.t);
    steps++;
    if (tooHigh(now, start) || now.loss >= ends[best]!.loss) {
      ends[1 - best] = now;
      best = ends[0].loss <= ends[1].loss ? 0 : 1;
      continue;
    }
    if (now.slope * (ends[1 - best]!.t - ends[best]!.t) >= 0 && !flat(now, start)) ends[1 - best] = ends[best]!;
    ends[best] = now;
    if (flat(now, start)) break;
  }
  return { found: ends[best]!, evaluations: steps + 1 };
}

/** The cubic's minimum, kept off the ends of the bracket where it comes near one twice. */
function safeStep(ends: readonly [LinePoint, LinePoint], slow: boolean): { t: number; slow: boolean } {
  const [from, to] = [Math.min(ends[0].t, ends[1].t), Math.max(ends[0].t, ends[1].t)];
  const t = cubicMinimum(ends[0], ends[1], [from, to]);
  const margin = 0.1 * (to - from);
  if (Math.min(to - t, t - from) >= margin) return { t, slow: false };
  if (!slow && t < to && t > from) return { t, slow: true };
  return { t: Math.abs(t - to) < Math.abs(t - from) ? to - margin : from + margin, slow: false };
}

/** Minimum, within bounds, of the cubic through two values and slopes (eq. 3.59); their middle where it has none. */
function cubicMinimum(a: LinePoint, b: LinePoint, [least, most]: readonly [number, number]): number {
  const [left, right] = a.t <= b.t ? [a, b] : [b, a];
  const d1 = a.slope + b.slope - (3 * (a.loss - b.loss)) / (a.t - b.t);
  const square = d1 * d1 - a.slope * b.slope;
  if (!(square >= 0)) return (least + most) / 2;
  const d2 = Math.sqrt(square);
  const share = (right.slope + d2 - d1) / (right.slope - left.slope + 2 * d2);
  return Math.min(Math.max(right.t - (right.t - left.t) * share, least), most);
}
