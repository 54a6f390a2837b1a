import { describe, expect, test } from "vitest";
import { runReference } from "../engine/index.ts";
import { constant, input } from "../tensor/index.ts";
import { randomNormal } from "../testing/index.ts";
import { absorbingTerm, uniformTerm, withoutClass } from "./discrete-bound.ts";
import { keptSchedules, keptShares } from "./kept-shares.ts";

const n = 4;
type Kind = "absorbing" | "uniform";
const classes = { absorbing: n + 1, uniform: n };

/** q(to | from) where the share `kept` of the tokens is left. */
const q = (kind: Kind, kept: number, from: number, to: number): number => {
  if (kind === "uniform") return (1 - kept) / n + (from === to ? kept : 0);
  if (from === n) return Number(to === n);
  return to === n ? 1 - kept : from === to ? kept : 0;
};

/** KL of the true step back from the model's, by sums over all classes. */
function naive(kind: Kind, p: readonly number[], at: { x0: number; x_t: number; before: number; through: number }) {
  const { x0, x_t, before, through } = at;
  const K = Array.from({ length: classes[kind] }, (_, k) => k);
  const lead = (k: number) => q(kind, through / before, k, x_t);
  const truth = K.map((k) => lead(k) * q(kind, before, x0, k));
  const model = K.map((k) => lead(k) * K.reduce((sum, start) => sum + q(kind, before, start, k) * p[start]!, 0));
  const [Zq, Zp] = [truth, model].map((row) => row.reduce((a, b) => a + b)) as [number, number];
  return K.reduce((sum, k) => {
    const share = truth[k]! / Zq;
    return share === 0 ? sum : sum + share * Math.log(share / (model[k]! / Zp));
  }, 0);
}

const terms = { absorbing: absorbingTerm, uniform: uniformTerm };

/** The term for every x_t of one x₀, and what the loops give. */
function both(kind: Kind, { kept, time, x0 }: { kept: readonly number[]; time: number; x0: number }) {
  const C = classes[kind];
  const reachable = [0, 1, 2, 3, n].slice(0, C).filter((x_t) => q(kind, kept[time]!, x0, x_t) > 0);
  const logits = randomNormal("logits", [1, reachable.length, C]);
  const given = input("logits", [1, reachable.length, C]);
  const possible = kind === "absorbing" ? withoutClass(given, n) : given;
  const share = (t: number) => constant([kept[t]!], [1, 1]);
  const ids = (values: readonly number[]) => constant(values, [1, values.length], "i32");
  const term = terms[kind](possible, {
    ...{ x0: ids(reachable.map(() => x0)), x_t: ids(reachable), mask: n },
    ...{ before: share(time - 1), through: share(time) },
  });
  const [nats, p] = runReference([term, possible.softmax(-1)], { logits: logits.data });
  const expected = reachable.map((x_t, i) =>
    naive(kind, Array.from(p!.subarray(i * C, (i + 1) * C)), {
      x0,
      x_t,
      before: kept[time - 1]!,
      through: kept[time]!,
    }),
  );
  return { nats: nats!, expected, p: p! };
}

describe.each(["absorbing", "uniform"] as const)("[d3pm-discrete] the bound of %s diffusion", (kind) => {
  test.each(keptSchedules)("is the divergence of the steps by sums over all classes, %s schedule", (schedule) => {
    const times = 5;
    const kept = keptShares(schedule, times);
    for (let time = 1; time <= times; time++)
      for (const x0 of [0, 2]) {
        const { nats, expected } = both(kind, { kept, time, x0 });
        expected.forEach((value, i) => void expect(nats[i]).toBeCloseTo(value, 10));
      }
  });

  test("of the first step is −log p(x₀), as far as x_1 tells no more", () => {
    const { nats, p } = both(kind, { kept: keptShares("reciprocal", 3), time: 1, x0: 1 });
    const C = classes[kind];
    if (kind === "absorbing") expect(Array.from(nats)).toEqual([0, expect.closeTo(-Math.log(p[C + 1]!), 10)]);
    else expect(nats.every((value) => value >= 0)).toBe(true);
  });

  test("over all steps is the entropy where the network knows p(x₀), of one token", () => {
    const truth = [0.5, 0.3, 0.15, 0.05];
    const times = 6;
    const kept = keptShares("cosine", times);
    const p = constant(kind === "absorbing" ? [...truth.map(Math.log), 0] : truth.map(Math.log), [1, 1, classes[kind]]);
    const logits = kind === "absorbing" ? withoutClass(p, n) : p;
    let total = 0;
    for (let time = 1; time <= times; time++)
      for (let x0 = 0; x0 < n; x0++)
        for (let x_t = 0; x_t < classes[kind]; x_t++) {
          const share = truth[x0]! * q(kind, kept[time]!, x0, x_t);
          if (share === 0) continue;
          const scalarOf = (value: number) => constant([value], [1, 1]);
          const idOf = (value: number) => constant([value], [1, 1], "i32");
          const at = { before: scalarOf(kept[time - 1]!), through: scalarOf(kept[time]!) };
          const term = terms[kind](logits, { x0: idOf(x0), x_t: idOf(x_t), mask: n, ...at });
          total += share * runReference([term], {})[0]![0]!;
        }
    expect(total).toBeCloseTo(-truth.reduce((sum, share) => sum + share * Math.log(share), 0), 10);
  });
});

test.each(keptSchedules)("[d3pm-discrete] the schedule %s falls from everything to nothing", (schedule) => {
  const kept = keptShares(schedule, 40);
  expect([kept[0], kept[40]]).toEqual([1, 0]);
  for (let t = 1; t <= 40; t++) expect(kept[t]!).toBeLessThan(kept[t - 1]!);
});
