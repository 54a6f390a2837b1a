/** Naive forms of state-space models: complex numbers as pairs, one token after another. */
import type { Loose } from "../../testing/index.ts";

export type Pair = readonly [re: number, im: number];

export const times = ([a, b]: Pair, [c, d]: Pair): Pair => [a * c - b * d, a * d + b * c];
export const plus = ([a, b]: Pair, [c, d]: Pair): Pair => [a + c, b + d];
export const scaledBy = ([a, b]: Pair, factor: number): Pair => [a * factor, b * factor];
export const over = ([a, b]: Pair, [c, d]: Pair): Pair => {
  const size = c * c + d * d;
  return [(a * c + b * d) / size, (b * c - a * d) / size];
};
export const exp = ([a, b]: Pair): Pair => [Math.exp(a) * Math.cos(b), Math.exp(a) * Math.sin(b)];

/** x' = a x + u over a step dt. */
export function discrete(a: Pair, dt: number, method: "zoh" | "bilinear"): { decay: Pair; input: Pair } {
  const z = scaledBy(a, dt);
  if (method === "zoh") return { decay: exp(z), input: over(plus(exp(z), [-1, 0]), a) };
  const below: Pair = [1 - z[0] / 2, -z[1] / 2];
  return { decay: over([1 + z[0] / 2, z[1] / 2], below), input: over([dt, 0], below) };
}

/** erf by Simpson's rule over its integral, exact to about 1e-13 for the arguments of tests. */
export function erf(x: number): number {
  const pieces = 2000;
  const h = x / pieces;
  const f = (t: number) => Math.exp(-t * t);
  let sum = f(0) + f(x);
  for (let i = 1; i < pieces; i++) sum += (i % 2 === 1 ? 4 : 2) * f(i * h);
  return ((2 / Math.sqrt(Math.PI)) * sum * h) / 3;
}
export const gelu = (x: number): number => 0.5 * x * (1 + erf(x / Math.SQRT2));

/** A state stored as real parts, then imaginary parts. */
export const statesOf = (stored: readonly number[] | undefined, N: number): Pair[] =>
  Array.from({ length: N }, (_, n) => (stored ? [stored[n]!, stored[N + n]!] : [0, 0]));
export const storedOf = (x: readonly Pair[]): number[] => [...x.map(([re]) => re), ...x.map(([, im]) => im)];

interface Layer {
  c: { activation: "gelu" | "none"; output: "glu" | "linear" | "none" };
  p: { skip: Loose; out?: Loose; outBias?: Loose };
}

/** Skip, nonlinearity and projection of one token after the state-space models. */
export function layerOutput(u: readonly number[], mixed: readonly number[], { c, p }: Layer): number[] {
  const y = mixed.map((value, d) => {
    const sum = value + p.skip[d]! * u[d]!;
    return c.activation === "gelu" ? gelu(sum) : sum;
  });
  if (!p.out) return y;
  const wide = p.outBias!.map((b: number, j: number) => y.reduce((sum, value, i) => sum + value * p.out![i]![j]!, b));
  if (c.output === "linear") return wide;
  return y.map((_, d) => wide[d]! / (1 + Math.exp(-wide[y.length + d]!)));
}

/** One channel's model: its states advance by `step`, which returns the output. */
export interface NaiveChannel {
  step: (x: Pair[], u: number) => { x: Pair[]; y: number };
}

interface Run extends Layer {
  x: readonly (readonly (readonly number[])[])[];
  stored: Loose | undefined;
  states: number;
  /** By direction and channel. */
  channel: (direction: number, d: number) => NaiveChannel;
  bidirectional: boolean;
}

/** A layer of such channels over whole sequences; the backward ones read the tokens after each, the last first. */
export function naiveLayer({ x, stored, states, channel, bidirectional, ...layer }: Run) {
  const last: number[][][] = [];
  const y = x.map((tokens, b) => {
    const width = tokens[0]!.length;
    const finals: number[][] = [];
    const columns = Array.from({ length: width }, (_, d) => {
      const u = tokens.map((token) => token[d]!);
      const forward = course(channel(0, d), u, statesOf(stored?.[b]?.[d], states));
      finals.push(storedOf(forward.x));
      if (!bidirectional) return forward.ys;
      const back = course(channel(1, d), [...u].reverse(), statesOf(undefined, states)).ys.reverse();
      return forward.ys.map((value, t) => value + (back[t + 1] ?? 0));
    });
    last.push(finals);
    return tokens.map((token, t) =>
      layerOutput(
        token,
        columns.map((values) => values[t]!),
        layer,
      ),
    );
  });
  return { y, s: bidirectional ? {} : { x: last } };
}

function course(channel: NaiveChannel, u: readonly number[], start: Pair[]) {
  let x = start;
  const ys = u.map((value) => {
    const next = channel.step(x, value);
    x = next.x;
    return next.y;
  });
  return { ys, x };
}

interface Recurrence {
  x: readonly (readonly (readonly number[])[])[];
  p: { inputRe: Loose; inputIm: Loose; outputRe: Loose; outputIm: Loose; backRe?: Loose; backIm?: Loose; skip: Loose };
  stored: Loose | undefined;
  bidirectional: boolean;
  /** λ of every state, and what its input is multiplied by, for the time that passed. */
  states: (dt: number) => readonly { decay: Pair; scale: Pair }[];
  /** [B][T]; absent: 1 everywhere. */
  dt?: readonly (readonly number[])[] | undefined;
}

/** The states behind every token of a sequence. */
function courseOf({ p, states }: Pick<Recurrence, "p" | "states">) {
  const writtenBy = (token: readonly number[], n: number) =>
    token.reduce<Pair>((sum, u, i) => plus(sum, [u * p.inputRe[i]![n]!, u * p.inputIm[i]![n]!]), [0, 0]);
  return (
    tokens: readonly (readonly number[])[],
    start: readonly Pair[],
    gaps: readonly number[] | undefined,
  ): (readonly Pair[])[] => {
    let h = start;
    return tokens.map((token, t) => {
      h = states(gaps?.[t] ?? 1).map(({ decay, scale }, n) =>
        plus(times(decay, h[n]!), times(scale, writtenBy(token, n))),
      );
      return h;
    });
  };
}

/** h_t = λ h_{t−1} + scale·(B x_t), y_t = Re(C h_t) + skip ⊙ x_t, token by token. */
export function naiveRecurrence({ x, p, stored, bidirectional, states, dt }: Recurrence) {
  const last: number[][][] = [];
  const course = courseOf({ p, states });
  const read = (h: readonly Pair[], re: Loose, im: Loose, d: number) =>
    h.reduce((sum, state, n) => sum + times(state, [re[n]![d]!, im[n]![d]!])[0], 0);
  const y = x.map((tokens, b) => {
    const start = states(1).map((_, n): Pair => (stored ? [stored[b]![n]![0]!, stored[b]![n]![1]!] : [0, 0]));
    const forward = course(tokens, start, dt?.[b]);
    last.push(forward.at(-1)!.map(([re, im]) => [re, im]));
    const back = bidirectional
      ? course(
          [...tokens].reverse(),
          states(1).map((): Pair => [0, 0]),
          dt && [1, ...[...dt[b]!.slice(1)].reverse()],
        ).reverse()
      : undefined;
    return tokens.map((token, t) =>
      token.map((u, d) => {
        const ahead = back ? read(back[t]!, p.backRe!, p.backIm!, d) : 0;
        return read(forward[t]!, p.outputRe, p.outputIm, d) + ahead + p.skip[d]! * u;
      }),
    );
  });
  return { y, s: bidirectional ? {} : { h: last } };
}
