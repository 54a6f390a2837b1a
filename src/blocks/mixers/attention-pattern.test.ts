/** Sparse patterns as sets of pairs, and what attention makes of them. */
import { describe, expect, test } from "vitest";
import { iota } from "../../tensor/index.ts";
import { fieldShape } from "../../testing/decoder.ts";
import { expectSameFunction, plainIo, randomNormal, run, weightsFrom } from "../../testing/index.ts";
import { mixerSubject, rigOf } from "../../testing/mixer-rig.ts";
import type { Mixer } from "../define.ts";
import { attention } from "./attention.ts";
import { type AttentionPattern, patternSees } from "./attention-pattern.ts";
import { range } from "./plain-loops.ts";

/** [query][key] for tokens 0 … n − 1, later keys left out. */
function pairsOf(pattern: AttentionPattern, n: number): boolean[][] {
  const { seen } = run({
    inputs: {},
    build: () => ({ seen: patternSees(pattern, iota(n).unsqueeze(1), iota(n)).cast("f32") }),
  });
  return range(n).map((i) => range(n).map((j) => j <= i && seen!.data[i * n + j] === 1));
}

const factorised = (stride: number): AttentionPattern[] => [
  { kind: "strided", stride },
  { kind: "fixed", stride, summary: 1 },
];

describe("patterns", () => {
  test("[sparse-transformer] two hops connect every pair, and the pairs seen grow as n√n", () => {
    const counts = [64, 256, 1024].map((n) =>
      factorised(Math.sqrt(n)).map((pattern) => pairsOf(pattern, n).flat().filter(Boolean).length),
    );
    for (const kind of [0, 1])
      for (const i of [1, 2]) {
        const growth = counts[i]![kind]! / counts[i - 1]![kind]!;
        // n grows fourfold: n√n eightfold, n² sixteenfold.
        expect(growth).toBeGreaterThan(6.5);
        expect(growth).toBeLessThan(9);
      }
    for (const pattern of factorised(8)) {
      const seen = pairsOf(pattern, 64);
      const linked = (i: number, j: number) => range(64).some((m) => seen[i]![m] && (seen[m]![j] || m === j));
      for (let i = 0; i < 64; i++)
        for (let j = 0; j <= i; j++) expect(linked(i, j), `${pattern.kind} ${i} ${j}`).toBe(true);
    }
  });

  test("a dilated window of d reaches d times as far with as many keys", () => {
    const last = pairsOf({ kind: "dilated", keys: 4, dilation: 3 }, 20)[19]!;
    expect(range(20).filter((j) => last[j])).toEqual([10, 13, 16, 19]);
  });
});

describe("attention in chunks", () => {
  const [D, T] = [8, 11];
  const inputs = {
    x: randomNormal("x", [2, T, D]),
    qkv: randomNormal("qkv", [D, 3 * D]),
    out: randomNormal("out", [D, D]),
  };
  const attend = (options: Readonly<Record<string, unknown>>) => {
    const c = attention.config.parse({ heads: 2, ...options });
    return run({
      inputs,
      build: ({ x, qkv, out }) => {
        const p = weightsFrom({ qkv: qkv!, out: out! }) as never;
        const { y, probes } = attention.forward(x!, {
          c,
          d: attention.dims(c, D),
          p,
          s: {},
          b: {},
          io: plainIo("eval"),
        });
        return { y, weights: probes!.weights_BHTS! };
      },
    });
  };

  test("[chunked-attention] a chunk over all tokens is full attention, smaller ones give block-diagonal weights", () => {
    for (const causal of [true, false]) {
      const whole = attend({ causal, pattern: { kind: "chunk", size: T } });
      expect(whole.y!).toBeAllclose(attend({ causal }).y!, { tolerance: 1e-12 });
      const { weights } = attend({ causal, pattern: { kind: "chunk", size: 4 } });
      weights!.data.forEach((weight, n) => {
        const [i, j] = [Math.floor(n / T) % T, n % T];
        const inside = Math.floor(i / 4) === Math.floor(j / 4) && (!causal || j <= i);
        expect(weight !== 0).toBe(inside);
      });
    }
  });
});

test("options that need all keys in order are refused where only some are kept", () => {
  for (const options of [
    { weights: "stick-breaking", window: 4 },
    { contextualPositions: 8, pattern: { kind: "chunk", size: 4 } },
  ])
    expect(() => attention.dims(attention.config.parse(options), 8)).toThrow(/E_ATTENTION_ORDER/);
});

test("[reduced-context] decoding from a ring of the last tokens is the whole text under the window's mask", () => {
  const mixer = attention as unknown as Mixer;
  const rig = rigOf(
    mixer,
    { window: 3, positions: { kind: "rope" } },
    { width: 16, canonical: (s) => s, naive: () => ({ y: 0 }) },
  );
  const pieces = (form: "forward" | "step") => ({ pieces: [{ form, tokens: 12 }], from: "start" as const });
  expectSameFunction(mixerSubject(rig, pieces("step")), mixerSubject(rig, pieces("forward")));
  expect(fieldShape(rig.states.k_BHTK!, 1000)).toEqual([4, 3, 4]);
});
