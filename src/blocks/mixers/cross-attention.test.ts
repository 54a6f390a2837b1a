import { describe, expect, test } from "vitest";
import { runReference } from "../../engine/index.ts";
import { constant, input } from "../../tensor/index.ts";
import { type Loose, mixerSuite, plainIo, randomNormal, weightsFrom, withMemory } from "../../testing/index.ts";
import { crossAttention } from "./cross-attention.ts";

type Config = ReturnType<typeof crossAttention.config.parse>;
type Dims = ReturnType<typeof crossAttention.dims>;

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const times = (x: readonly number[], w: number[][], offset?: number[]) =>
  w[0]!.map((_, j) => x.reduce((sum, value, i) => sum + value * w[i]![j]!, offset?.[j] ?? 0));

/** One query against one key, h its head. */
function scoreOf(q: number[], k: number[], h: number, { c, p }: { c: Config; p: Record<string, Loose> }): number {
  if (c.score === "additive")
    return dot(
      p["score"]![h] as unknown as number[],
      q.map((value, i) => Math.tanh(value + k[i]!)),
    );
  const scale = typeof c.scale === "number" ? c.scale : c.scale === "none" ? 1 : q.length ** -0.5;
  const between = c.score === "bilinear" ? times(q, p["between"]![h] as unknown as number[][]) : q;
  return scale * dot(between, k);
}

const naive = ({ x, p, c, d }: { x: number[][][]; p: Record<string, Loose>; c: Config; d: Dims }) => {
  const matrix = (name: string) => p[name] as unknown as number[][];
  const offset = (name: string) => p[name] as unknown as number[] | undefined;
  const { H, G, K } = d;
  const cut = (all: number[], index: number) => all.slice(index * K, (index + 1) * K);
  const keysValues = matrix("memory").map((m) => times(m, matrix("keyValue"), offset("keyValueBias")));
  const token = (row: number[]) => {
    const q = times(row, matrix("query"), offset("queryBias"));
    const heads = Array.from({ length: H }, (_, h) => {
      const g = Math.floor((h * G) / H);
      const scores = keysValues.map((kv) => scoreOf(cut(q, h), cut(kv, g), h, { c, p }));
      const weights = scores.map((s) => Math.exp(s - Math.max(...scores)));
      const total = weights.reduce((a, b) => a + b);
      return Array.from({ length: K }, (_, i) =>
        keysValues.reduce((sum, kv, s) => sum + (weights[s]! / total) * cut(kv, G + g)[i]!, 0),
      );
    });
    return times(heads.flat(), matrix("out"), offset("outBias"));
  };
  return { y: x.map((tokens) => tokens.map(token)) };
};

mixerSuite(withMemory(crossAttention as never), {
  configs: [
    { heads: 2 },
    { heads: 4, kvHeads: 2, bias: true, outBias: true },
    { heads: 2, score: "additive" },
    { heads: 2, score: "bilinear", scale: "none" },
  ],
  width: 8,
  naive: naive as never,
});

describe("cross attention", () => {
  const c = crossAttention.config.parse({ heads: 2 });
  const d = crossAttention.dims(c, 8);
  const parameters = Object.entries(crossAttention.params(d, c)).map(([name, { shape }]) => {
    const { data } = randomNormal(name, shape);
    return [name, constant(data, shape)] as const;
  });
  const p = weightsFrom(Object.fromEntries(parameters)) as never;
  const [x, memory] = [randomNormal("x", [2, 3, 8]), randomNormal("memory", [2, 5, 8])];
  const at = { c, d, p, b: {} };
  const x_BTD = constant(x.data, x.shape);
  const mask_BS = constant([1, 1, 1, 1, 1, 1, 1, 1, 0, 0], [2, 5], "bool");
  const whole = (x_BSD = constant(memory.data, memory.shape)) =>
    crossAttention.forward(x_BTD, { ...at, s: {}, io: { ...plainIo("eval"), memory: { x_BSD, mask_BS } } });

  test("[cross-attention] the memory's padding changes nothing", () => {
    const changed = memory.data.map((value, i) => (i >= (5 + 3) * 8 ? 100 : value));
    const [a, b] = runReference([whole().y, whole(constant(changed, memory.shape)).y], {});
    expect(b).toEqual(a);
  });

  test("[cross-attention] steps over kept keys and values equal the whole", () => {
    const { y, s } = whole();
    const io = { ...plainIo("eval"), memory: { mask_BS } };
    const steps = [0, 1, 2].map((t) => crossAttention.step!(x_BTD.slice(1, t, t + 1).squeeze(1), { ...at, s, io }).y);
    const [expected, ...actual] = runReference([y, ...steps], {});
    for (let b = 0; b < 2; b++)
      for (let t = 0; t < 3; t++)
        actual[t]!.slice(b * 8, (b + 1) * 8).forEach(
          (value, i) => void expect(value).toBeCloseTo(expected![(b * 3 + t) * 8 + i]!, 12),
        );
  });

  test("a source without any token gives the output's offset", () => {
    const none = { x_BSD: input("m", [2, 5, 8]), mask_BS: constant(new Array(10).fill(0), [2, 5], "bool") };
    const { y } = crossAttention.forward(x_BTD, { ...at, s: {}, io: { ...plainIo("eval"), memory: none } });
    expect(Math.max(...runReference([y], { m: memory.data })[0]!.map(Math.abs))).toBe(0);
  });
});
