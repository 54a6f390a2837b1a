import { expect, test } from "vitest";
import { vjp } from "../../grad/index.ts";
import { constant } from "../../tensor/index.ts";
import { mixerSuite, type NaiveMixerArguments, plainIo, randomNormal, run } from "../../testing/index.ts";
import type { Mixer } from "../define.ts";
import { identity } from "./identity.ts";
import { range, sum } from "./plain-loops.ts";
import { drawn, randomMixing } from "./random-mixing.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof randomMixing.config.parse>,
  ReturnType<typeof randomMixing.dims>,
  ReturnType<typeof randomMixing.params>
>;

function mixed(tokens: number[][], c: At["c"]): number[][] {
  const R = drawn(c, tokens.length);
  return tokens.map((_, t) => {
    const shares = tokens.map((_, s) => Math.exp(R[t * tokens.length + s]!));
    return tokens[0]!.map((_, i) => sum(tokens.map((token, s) => (shares[s]! / sum(shares)) * token[i]!)));
  });
}

mixerSuite(randomMixing, {
  configs: [{ maxTokens: 24 }, { maxTokens: 32, seed: 7 }],
  width: 4,
  naive: ({ x, c }: At) => ({ y: x.map((tokens) => mixed(tokens, c)) }),
});

const [T, D] = [6, 4];

/** Σ over features of |∂(probe·y_t) / ∂x_s|, [t][s]. */
function reach(component: unknown, options: Readonly<Record<string, unknown>>): number[][] {
  const mixer = component as Mixer;
  const c = mixer.config.parse(options);
  const at = { c, d: mixer.dims(c, D), p: {}, s: {}, b: {}, io: plainIo("eval") };
  const probe = constant(randomNormal("probe", [1, 1, D]).data, [1, 1, D]);
  return range(T).map((t) => {
    const { gradient } = run({
      inputs: { x: randomNormal("x", [1, T, D]) },
      build: ({ x }) => ({ gradient: vjp([mixer.forward(x!, at).y.slice(1, t, t + 1)], [probe], [x!])[0]! }),
    });
    return range(T).map((s) => sum(range(D).map((i) => Math.abs(gradient!.data[s * D + i]!))));
  });
}

test("[identity-random-mixer] under identity tokens are independent; random mixing reads all, alike at every start and with no parameters", () => {
  const [alone, together] = [reach(identity, {}), reach(randomMixing, { maxTokens: T })];
  for (const [t, s] of range(T * T).map((n) => [Math.floor(n / T), n % T] as const)) {
    expect(alone[t]![s]! > 0).toBe(s === t);
    expect(together[t]![s]).toBeGreaterThan(0);
  }
  const c = randomMixing.config.parse({ maxTokens: T });
  expect(drawn(c, T)).toEqual(drawn(c, T));
  expect(drawn({ ...c, seed: 1 }, T)).not.toEqual(drawn(c, T));
  // A shorter sequence takes the first rows and columns.
  expect(drawn(c, 2)).toEqual(Float64Array.of(...[0, 1, T, T + 1].map((n) => drawn(c, T)[n]!)));
  expect(randomMixing.params({ D, L: T }, c)).toEqual({});
});
