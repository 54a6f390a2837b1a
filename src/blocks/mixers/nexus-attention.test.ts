import { expect, test } from "vitest";
import { vjp } from "../../grad/index.ts";
import { constant } from "../../tensor/index.ts";
import { mixerSuite, type NaiveMixerArguments, type Nested, plainIo, randomNormal, run } from "../../testing/index.ts";
import { contextOf, testedPart, withPrefix } from "../../testing/part.ts";
import type { Mixer } from "../define.ts";
import { attention } from "./attention.ts";
import { nexusAttention } from "./nexus-attention.ts";
import { dot, range, sum, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof nexusAttention.config.parse>,
  ReturnType<typeof nexusAttention.dims>,
  ReturnType<typeof nexusAttention.params>,
  Record<string, number>
>;
type Heads = number[][][];

/** Every order over all tokens; what is stored of earlier ones comes first. */
function sequence(x: number[][], { c, d, p }: Pick<At, "c" | "d" | "p">, stored: (name: string) => Heads | undefined) {
  const part = (row: number[], n: number) => row.slice(n * d.K, (n + 1) * d.K);
  const rows = x.map((token) => times(token, p.qkv));
  const heads = (which: number) => range(d.H).map((h) => rows.map((row) => part(row, which * d.H + h)));
  const [q1, k1, v1] = [heads(0), heads(1), heads(2)] as [Heads, Heads, Heads];
  const after = (name: string, own: Heads) => own.map((entries, h) => [...(stored(name)?.[h] ?? []), ...entries]);
  const pair = after(
    "pair",
    q1.map((head, h) => head.map((q, t) => [...q, ...k1[h]![t]!])),
  );
  const values = after("v", v1);
  const state: Record<string, Nested> = {};
  let [q, k, y] = [q1, k1, v1];
  for (const n of range(c.order).map((i) => i + 1)) {
    const keys = after(`k${n}`, k);
    const last = n === c.order;
    const old = keys[0]!.length - x.length;
    y = q.map((head, h) =>
      head.map((query, t) => {
        const seen = range(c.causal ? old + t + 1 : keys[h]!.length);
        const shares = seen.map((s) => Math.exp(dot(query, keys[h]![s]!) / Math.sqrt(d.K)));
        const source = (last ? values : pair)[h]!;
        return source[0]!.map((_, j) => sum(seen.map((s) => (shares[s]! / sum(shares)) * source[s]![j]!)));
      }),
    );
    [q, k] = [
      y.map((head) => head.map((row) => row.slice(0, d.K))),
      y.map((head) => head.map((row) => row.slice(d.K))),
    ];
    state[`k${n}`] = keys;
  }
  const merged = x.map((_, t) =>
    times(
      y.flatMap((head) => head[t]!),
      p.out,
    ),
  );
  return { y: merged, state: { ...state, ...(c.order > 1 && { pair }), v: values } as Record<string, Nested> };
}

mixerSuite(nexusAttention, {
  configs: [{ heads: 2 }, { heads: 2, order: 1 }, { heads: 1, order: 3 }, { heads: 2, order: 3, causal: false }],
  width: 4,
  naive: (({ x, p, c, d, s }: At) => {
    const results = x.map((rows, b) =>
      sequence(rows, { c, d, p }, (name) => s?.[name as never]?.[b as never] as Heads | undefined),
    );
    const names = Object.keys(results[0]!.state);
    const state = Object.fromEntries(names.map((name) => [name, results.map((result) => result.state[name]!)]));
    return { y: results.map(({ y }) => y), s: c.causal ? state : {} };
  }) as never,
});

const [T, D] = [6, 8];
const mixer = nexusAttention as unknown as Mixer;
const partOf = (options: object) => testedPart(mixer, { heads: 2, ...options }, (c) => mixer.dims(c, D));

/** Largest |∂ a_ij / ∂ x_k| over features, for tokens i, j, k that differ. */
function thirdParty(order: number): number {
  const part = partOf({ order, causal: false });
  const [i, j, k] = [1, 4, 2];
  const { gradient } = run({
    inputs: { x: randomNormal("x", [1, T, D]), ...withPrefix("p.", part.parameters) },
    build: (at) => {
      const { probes } = mixer.forward(at.x!, { ...contextOf(part, at), s: {}, io: plainIo("eval") });
      // Of the score, up to what all of a row share: softmax's normaliser cancels between two keys.
      const weights = probes!.weights_BHTS!.log().slice(2, i, i + 1);
      const between = weights.slice(3, j, j + 1).sub(weights.slice(3, i, i + 1));
      return { gradient: vjp([between], [constant([1, 1], between.shape)], [at.x!])[0]! };
    },
  });
  return Math.max(...range(D).map((f) => Math.abs(gradient!.data[k * D + f]!)));
}

test("[nexus] order 1 is multi-head attention, orders share parameters, and from 2 on a score depends on third tokens", () => {
  const { parameters } = partOf({ order: 1 });
  const c = attention.config.parse({ heads: 2 });
  const { plain, nexus } = run({
    inputs: { x: randomNormal("x", [2, T, D]), ...withPrefix("p.", parameters) },
    build: (at) => {
      const context = { ...contextOf(partOf({ order: 1 }), at), s: {}, io: plainIo("eval") };
      return {
        nexus: mixer.forward(at.x!, context).y,
        plain: attention.forward(at.x!, { ...context, c, d: attention.dims(c, D) } as never).y,
      };
    },
  });
  expect(nexus!).toBeAllclose(plain!, { tolerance: 1e-12 });
  for (const order of [2, 3, 5]) expect(partOf({ order }).declarations).toEqual(partOf({ order: 1 }).declarations);
  expect(thirdParty(1)).toBeLessThan(1e-12);
  for (const order of [2, 3]) expect(thirdParty(order)).toBeGreaterThan(1e-3);
});
