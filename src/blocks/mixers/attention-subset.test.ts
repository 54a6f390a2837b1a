/** Subsampled keys in `attention`, as claims of their paper. Axes as in `attention.ts`. */
import { describe, expect, test } from "vitest";
import { countFlops } from "../../engine/index.ts";
import { input } from "../../tensor/index.ts";
import { mixerSuite, type NdArray, plainIo, randomNormal, run } from "../../testing/index.ts";
import { contextOf, testedPart, withPrefix } from "../../testing/part.ts";
import type { Io, Mixer } from "../define.ts";
import { attention } from "./attention.ts";
import { naiveAttention } from "./attention-naive.ts";
import { keysOf } from "./attention-subset.ts";
import { range, sum } from "./plain-loops.ts";
import { weightOf } from "./rnn-golden-weights.fixture.ts";

mixerSuite(attention, {
  configs: [
    { heads: 4, kvHeads: 2, subsample: { ratio: 0.5 } },
    { heads: 2, subsample: { ratio: 1, when: "always" }, window: 4 },
    { heads: 2, subsample: { ratio: 1, when: "always" }, causal: false },
  ] as never,
  naive: ((at: never) => {
    const { y, s } = naiveAttention(at);
    return { y, s: (at as { c: { subsample: { when: string } } }).c.subsample.when === "always" ? {} : s };
  }) as never,
});

const mixer = attention as unknown as Mixer;
const [T, D] = [16, 8];
const x = randomNormal("x", [1, T, D]);

/** Outputs and weights, with draws of a seed. */
function attend(options: object, seed: number, mode: Io["mode"] = "train", tokens: NdArray = x) {
  const part = testedPart(mixer, { heads: 2, ...options }, (c) => mixer.dims(c, D));
  const { y, weights } = run({
    inputs: { x: tokens, ...withPrefix("p.", part.parameters) },
    build: (at) => {
      const { y: out, probes } = mixer.forward(at.x!, { ...contextOf(part, at), s: {}, io: plainIo(mode, seed) });
      return { y: out, weights: probes!.weights_BHTS! };
    },
  });
  return { y: y!, weights: weights! };
}

describe("random subsets of keys", () => {
  test("[ssa] all keys are dense attention, evaluation is dense, and other draws see other keys", () => {
    for (const options of [{}, { causal: false }, { window: 5 }, { kvHeads: 1, positions: { kind: "rope" } }]) {
      const dense = attend(options, 1).y;
      expect(attend({ ...options, subsample: { ratio: 1 } }, 1).y).toBeAllclose(dense, { tolerance: 1e-12 });
      expect(attend({ ...options, subsample: { ratio: 0.25 } }, 1, "eval").y).toEqual(dense);
    }
    const [one, two] = [1, 2].map((seed) => attend({ subsample: { ratio: 0.25 } }, seed).y);
    expect(one!.data).not.toEqual(two!.data);
    expect(attend({ subsample: { ratio: 0.25 } }, 1).y).toEqual(one);
  });

  test("[ssa] scores and their sums cost exactly the share of keys, and one more where a token also sees itself", () => {
    const tokens = 64;
    const work = (options: object) => {
      const c = attention.config.parse({ heads: 2, ...options });
      const d = attention.dims(c, D);
      const p = Object.fromEntries(
        Object.entries(attention.params(d, c)).map(([name, { shape }]) => [name, weightOf(input(name, shape))]),
      );
      const at = { c, d, p, s: {}, b: {}, io: plainIo("train") } as never;
      return countFlops([attention.forward(input("x", [1, tokens, D]), at).y]).matmul;
    };
    const projections = 2 * tokens * (3 * D * D + D * D);
    for (const ratio of [0.125, 0.25, 0.5]) {
      const [part, dense] = [{ subsample: { ratio } }, {}].map((o) => work({ causal: false, ...o }) - projections);
      expect(part! / dense!).toBe(ratio);
      expect(work({ subsample: { ratio } }) - projections).toBe(part);
    }
    expect(range(20).map((n) => keysOf(0.25, n + 1))).toEqual(
      range(20).map((n) => Math.max(1, Math.round((n + 1) / 4))),
    );
  });

  test("options that need all keys are refused by name", () => {
    for (const [option, value] of [
      ["topK", 2],
      ["sinks", true],
      ["positions", { kind: "alibi" }],
      ["pattern", { kind: "strided", stride: 2 }],
    ] as const)
      expect(() => attend({ subsample: { ratio: 0.5 }, [option]: value }, 1)).toThrow(
        new RegExp(
          `attention\\.${option}: expected no option but .* Leave ${option} or subsample out. \\[E_ATTENTION_SUBSET\\]`,
        ),
      );
  });
});

const classes = 5;
const targets = range(T).map((t) => (3 * t) % classes);
const table = randomNormal("classes", [D, classes]);

/** Class probabilities of each token, from attention's output. */
function probabilities(y: NdArray): number[][] {
  return range(T).map((t) => {
    const logits = range(classes).map((k) =>
      sum(range(D).map((i) => y.data[t * D + i]! * table.data[i * classes + k]!)),
    );
    const shares = logits.map(Math.exp);
    return shares.map((share) => share / sum(shares));
  });
}
const lossOf = (p: number[][]): number => -sum(p.map((row, t) => Math.log(row[targets[t]!]!))) / T;

test("[info-pathways] the mean over draws tends to a limit as 1/√k, and its loss falls with k, below that of single draws", () => {
  const draws = range(96).map((seed) => attend({ subsample: { ratio: 0.25, when: "always" } }, seed + 1, "eval").y);
  const single = draws.map(probabilities);
  const meanOf = (group: number[][][]) =>
    range(T).map((t) => range(classes).map((k) => sum(group.map((p) => p[t]![k]!)) / group.length));
  const limit = meanOf(single);
  const groups = (k: number) => range(96 / k).map((g) => meanOf(single.slice(g * k, (g + 1) * k)));
  const average = (values: number[]) => sum(values) / values.length;
  const apart = (k: number) =>
    Math.sqrt(average(groups(k).map((p) => sum(p.flatMap((row, t) => row.map((v, c) => (v - limit[t]![c]!) ** 2))))));
  const losses = [1, 2, 4, 8, 16].map((k) => average(groups(k).map(lossOf)));
  for (const [i, loss] of losses.slice(1).entries()) expect(loss).toBeLessThan(losses[i]!);
  const slope = Math.log(apart(8) / apart(1)) / Math.log(8);
  expect(slope).toBeLessThan(-0.4);
  expect(slope).toBeGreaterThan(-0.65);
  // Jensen: what the mean loses is less than what single passes lose on average, by what they differ.
  expect(lossOf(limit)).toBeLessThan(losses[0]!);
});
