import { z } from "zod";
import { rateField } from "./fields.ts";
import { type LinePoint, strongWolfe } from "./line-search.ts";

/** A loss and its gradient at a point, over the whole data: the method assumes that both are exact. */
export interface Evaluation {
  loss: number;
  gradient: Float64Array;
}
export type Objective = (x: Float64Array) => Evaluation | Promise<Evaluation>;

export const lbfgsSchema = z.strictObject({
  learningRate: rateField(1).describe("length of a step, the first one tried where a line is searched"),
  iterations: z.int().positive().default(20).describe("directions taken in one call of step"),
  evaluations: z.int().positive().nullable().default(null).describe("gradients in one call; null: 5/4 of iterations"),
  history: z.int().positive().default(100).describe("pairs of steps and changes of gradient that are kept"),
  lineSearch: z.enum(["none", "strong-wolfe"]).default("strong-wolfe").describe("how far to go along a direction"),
  gradientTolerance: z.number().min(0).default(1e-7).describe("no entry of the gradient above this: done"),
  changeTolerance: z.number().min(0).default(1e-9).describe("neither parameters nor loss moved by more: done"),
});
export type LbfgsInput = z.input<typeof lbfgsSchema>;
type LbfgsConfig = z.output<typeof lbfgsSchema>;

/** A step that was taken, the gradient's change along it, and their product. */
interface Pair {
  s: Float64Array;
  y: Float64Array;
  sy: number;
}

/** Where an iteration is: the point with its loss and gradient. */
interface Point extends Evaluation {
  x: Float64Array;
}

/**
 * Limited-memory BFGS (Liu & Nocedal 1989; two-loop recursion, Nocedal & Wright 2006, algorithm 7.4): for small problems
 * whose loss is evaluated in full, such as a probe's weights. It asks for several gradients a step, so it is driven by a
 * function and is no rule of a trainer. One object per minimisation: pairs are kept between calls.
 */
export class Lbfgs {
  private readonly c: LbfgsConfig;
  private readonly pairs: Pair[] = [];
  private last: { s: Float64Array; gradient: Float64Array } | undefined;

  constructor(config: LbfgsInput = {}) {
    this.c = lbfgsSchema.parse(config);
  }

  /** Up to `iterations` directions from x; the next x, and the loss at the one given. */
  async step(x: Float64Array, objective: Objective): Promise<{ x: Float64Array; loss: number }> {
    const { iterations, evaluations } = this.c;
    const allowed = evaluations ?? Math.floor(iterations * 1.25);
    let now: Point = { x, ...(await objective(x)) };
    const { loss } = now;
    for (
      let used = 1, i = 1;
      i <= iterations && used < allowed && largest(now.gradient) > this.c.gradientTolerance;
      i++
    ) {
      const next = await this.advance(now, { objective, final: i === iterations });
      if (next === undefined) break;
      const settled = this.settled(now, next.point);
      now = next.point;
      used += next.evaluations;
      if (settled) break;
    }
    return { x: now.x, loss };
  }

  /** One direction; undefined where it hardly descends. The last point of a call needs no gradient unless a line is searched. */
  private async advance(now: Point, { objective, final }: { objective: Objective; final: boolean }) {
    const { learningRate: rate, lineSearch, changeTolerance } = this.c;
    const first = this.last === undefined;
    const direction = this.direction(now.gradient);
    const slope = dot(now.gradient, direction);
    const t = first ? Math.min(1, 1 / sizes(now.gradient)) * rate : rate;
    this.last = { s: scale(direction, 0), gradient: now.gradient };
    if (slope > -changeTolerance) return undefined;
    const move = (length: number) => added(now.x, direction, length);
    const at = async (length: number): Promise<LinePoint> => {
      const { loss, gradient } = await objective(move(length));
      return { t: length, loss, gradient, slope: dot(gradient, direction) };
    };
    const start = { t: 0, loss: now.loss, gradient: now.gradient, slope };
    const taken =
      lineSearch === "strong-wolfe"
        ? await strongWolfe({ start, t, at, reach: largest(direction) })
        : { found: final ? { ...start, t } : await at(t), evaluations: final ? 0 : 1 };
    const { found } = taken;
    this.last = { s: scale(direction, found.t), gradient: now.gradient };
    return { point: { x: move(found.t), loss: found.loss, gradient: found.gradient }, evaluations: taken.evaluations };
  }

  private settled(before: Point, { loss, gradient }: Point): boolean {
    const { gradientTolerance, changeTolerance } = this.c;
    return (
      largest(gradient) <= gradientTolerance ||
      largest(this.last!.s) <= changeTolerance ||
      Math.abs(loss - before.loss) < changeTolerance
    );
  }

  /** −H·gradient, H the inverse Hessian that the pairs suggest; the pair of the last step is taken up first. */
  private direction(gradient: Float64Array): Float64Array {
    if (this.last) this.remember(this.last.s, added(gradient, this.last.gradient, -1));
    let q = scale(gradient, -1);
    const shares = this.pairs.map(() => 0);
    for (let i = this.pairs.length - 1; i >= 0; i--) {
      const { s, y, sy } = this.pairs[i]!;
      shares[i] = dot(s, q) / sy;
      q = added(q, y, -shares[i]!);
    }
    const newest = this.pairs.at(-1);
    let r = newest ? scale(q, newest.sy / dot(newest.y, newest.y)) : q;
    for (const [i, { s, y, sy }] of this.pairs.entries()) r = added(r, s, shares[i]! - dot(y, r) / sy);
    return r;
  }

  /** Pairs without positive curvature would break H. */
  private remember(s: Float64Array, y: Float64Array): void {
    const sy = dot(s, y);
    if (sy <= 1e-10) return;
    this.pairs.push({ s, y, sy });
    if (this.pairs.length > this.c.history) this.pairs.shift();
  }
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const scale = (a: Float64Array, factor: number): Float64Array => a.map((value) => value * factor);
const added = (a: Float64Array, b: Float64Array, factor: number): Float64Array =>
  a.map((value, i) => value + factor * b[i]!);
const largest = (a: Float64Array): number => a.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
const sizes = (a: Float64Array): number => a.reduce((sum, value) => sum + Math.abs(value), 0);
