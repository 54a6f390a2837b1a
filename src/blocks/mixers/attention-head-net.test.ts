/** A net over each head's output and a gate of rectified features, the parts of PartialFormer's block in `attention`. */
import { expect, test } from "vitest";
import { constant } from "../../tensor/index.ts";
import { type Arrays, mapArray, mixerSuite, plainIo, randomNormal, run } from "../../testing/index.ts";
import { contextOf, testedPart, withPrefix } from "../../testing/part.ts";
import type { Mixer } from "../define.ts";
import { attention } from "./attention.ts";
import type { AttentionConfig } from "./attention-config.ts";
import { naiveAttention } from "./attention-naive.ts";
import { cut, range, silu, sum, times } from "./plain-loops.ts";

type Naive = Parameters<typeof naiveAttention>[0];

/** Plain attention up to what its heads gathered; then the net, the gate and the output map. */
function naive(at: Naive) {
  const { x, c, d, p } = at as unknown as {
    x: number[][][];
    c: AttentionConfig;
    d: { H: number; V: number };
    p: never;
  };
  const weights = p as Record<string, number[][]> & Record<"headNetUpBias" | "headNetDownBias", number[]>;
  const size = d.H * d.V;
  const eye = range(size).map((i) => range(size).map((j) => (i === j ? 1 : 0)));
  const plain = naiveAttention({ ...at, c: { ...c, gate: undefined }, p: { ...weights, out: eye } } as never);
  const activate = c.headNet?.activation === "silu" ? silu : (value: number) => Math.max(0, value);
  const y = (plain.y as unknown as number[][][]).map((rows, b) =>
    rows.map((merged, t) => {
      const refined = cut(merged, d.H).flatMap((head) => {
        if (!c.headNet) return head;
        const hidden = times(head, weights["headNetUp"]!, weights.headNetUpBias).map(activate);
        return times(hidden, weights["headNetDown"]!, weights.headNetDownBias).map((value, i) => value + head[i]!);
      });
      const gate = c.gate ? times(x[b]![t]!, weights["gate"]!).map((value) => Math.max(0, value)) : undefined;
      return times(
        refined.map((value, i) => value * (gate?.[i] ?? 1)),
        weights["out"]!,
      );
    }),
  );
  return { y, ...(plain.s && { s: plain.s }) };
}

mixerSuite(attention, {
  configs: [
    { heads: 2, headNet: { hidden: 3, activation: "silu" } },
    { heads: 4, kvHeads: 2, headNet: { hidden: 5, activation: "relu" }, gate: "feature", gateActivation: "relu" },
  ] as never,
  naive: naive as never,
});

const mixer = attention as unknown as Mixer;
const [T, D, H, F] = [7, 16, 4, 6];
const partial = {
  heads: H,
  headNet: { hidden: F, activation: "relu" },
  gate: "feature",
  gateActivation: "relu",
  scoreResidual: true,
};
const partOf = (options: Readonly<Record<string, unknown>>) => testedPart(mixer, options, (c) => mixer.dims(c, D));
const size = (options: Readonly<Record<string, unknown>>): number =>
  sum(Object.values(partOf(options).declarations).map(({ shape }) => shape.reduce((a, b) => a * b, 1)));

test("[partialformer-block] a net of zeros, a gate of ones and no earlier scores leave multi-head attention, at the parameters of the formula", () => {
  // The first feature is 1 at every token, so that a gate can be.
  const x = mapArray(randomNormal("x", [2, T, D]), (value, i) => (i % D === 0 ? 1 : value));
  const part = partOf(partial);
  const zero = (name: string) => mapArray(part.parameters[name]!, () => 0);
  const closed: Arrays = {
    headNetDown: zero("headNetDown"),
    headNetDownBias: zero("headNetDownBias"),
    gate: mapArray(part.parameters["gate"]!, (_, i) => (i < D ? 1 : 0)),
  };
  const outputs = (given: Arrays, history = false) =>
    run({
      inputs: { x, ...withPrefix("p.", { ...part.parameters, ...given }) },
      build: (at) => {
        const nothing = constant(new Float64Array(2 * H * T * T), [2, H, T, T]);
        const handed = history ? { handed: { attentionScores_BHTS: nothing } } : {};
        const io = { ...plainIo("eval"), ...handed };
        const plain = partOf({ heads: H });
        return {
          partial: mixer.forward(at.x!, { ...contextOf(part, at), s: {}, io }).y,
          plain: mixer.forward(at.x!, { ...contextOf(plain, at), s: {}, io: plainIo("eval") }).y,
        };
      },
    });
  for (const history of [false, true]) {
    const { partial: reduced, plain } = outputs(closed, history);
    expect(reduced!).toBeAllclose(plain!, { tolerance: 1e-12 });
  }
  const open = outputs({});
  expect(open.partial!.data).not.toEqual(open.plain!.data);
  // One net for all heads: 2·K·F + F + K beside the gate's D², where a feed-forward net of as many hidden features has 2·D·(H·F).
  const K = D / H;
  expect(size(partial) - size({ heads: H })).toBe(2 * K * F + F + K + D * D);
  expect(2 * D * (H * F)).toBe(H * H * (2 * K * F));
});
