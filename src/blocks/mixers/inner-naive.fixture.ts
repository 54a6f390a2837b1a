/** Mixers inside mixers as loops: parameters, sizes and states of one under its prefix, and the equations of those that tests hold. */
import type { Loose, NaiveMixerArguments, NaiveMixerResult, Nested } from "../../testing/index.ts";
import { unnest } from "../nesting.ts";
import { naiveAttention } from "./attention-naive.ts";
import { type MixerChoice, mixerOf, optionsOf } from "./inner-mixer.ts";
import { affine, overTime, sigmoid, zerosOf } from "./rnn-naive.ts";

function naiveMinGru({ x, p, d, s }: NaiveMixerArguments): NaiveMixerResult {
  return overTime(x, {
    given: s as never,
    start: { h: zerosOf(d["I"] as number) },
    step: (token: number[], { h }: { h: number[] }) => {
      const [a, gate] = [affine(token, p["candidate"] as never), affine(token, p["gate"] as never).map(sigmoid)];
      const next = h.map((last, j) => (1 - gate[j]!) * last + gate[j]! * (a[j]! < 0 ? sigmoid(a[j]!) : a[j]! + 0.5));
      return { y: next, s: { h: next } };
    },
  }) as NaiveMixerResult;
}

const naives: Readonly<Record<string, (at: NaiveMixerArguments) => NaiveMixerResult>> = {
  attention: naiveAttention as never,
  "min-gru": naiveMinGru,
};

type Outer = Pick<NaiveMixerArguments, "p" | "s">;

/** What the mixer named `name` gives for x, its state under its prefix again. */
export function naiveInner(
  { name, choice, width }: { name: string; choice: MixerChoice; width: number },
  x: number[][][],
  { p, s }: Outer,
): { y: number[][][]; s: Record<string, Nested> } {
  const c = optionsOf(choice);
  const own = s && unnest(name, s as Readonly<Record<string, Loose>>);
  const d = mixerOf(choice).dims(c, width);
  const result = naives[choice.kind]!({
    ...{ x, c, d, p: unnest(name, p as Readonly<Record<string, Loose>>) },
    ...(own && { s: own }),
  });
  const state = Object.entries(result.s ?? {}).map(([field, value]) => [`${name}.${field}`, value]);
  return { y: result.y as unknown as number[][][], s: Object.fromEntries(state) };
}
