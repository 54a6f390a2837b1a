import { describe, expect, test } from "vitest";
import { constant } from "../../tensor/index.ts";
import {
  drawParameters,
  expectSameFunction,
  type Loose,
  mixerSuite,
  type NaiveMixerArguments,
  plainIo,
  randomNormal,
  run,
  type Subject,
  weightsFrom,
} from "../../testing/index.ts";
import { cut, dot, range, sigmoid, sum, times } from "./plain-loops.ts";
import { switchhead } from "./switchhead.ts";

type Config = ReturnType<typeof switchhead.config.parse>;
type At = NaiveMixerArguments<Config, ReturnType<typeof switchhead.dims>>;
type P = Readonly<Record<string, Loose>>;

/** Halves of a head's first features, base 10000. */
function turned(x: readonly number[], position: number, { kind, ...options }: Config["positions"]): number[] {
  if (kind !== "rope") return [...x];
  const width = x.length * (options.rotaryFraction as number);
  const half = width / 2;
  return x.map((value, i) => {
    if (i >= width) return value;
    const angle = position * 10_000 ** (-(i % half) / half);
    return value * Math.cos(angle) + (i < half ? -x[i + half]! : x[i - half]!) * Math.sin(angle);
  });
}

function layerNorm(x: readonly number[], p: P): number[] {
  if (!p.normGain) return [...x];
  const mean = sum(x) / x.length;
  const root = Math.sqrt(sum(x.map((v) => (v - mean) ** 2)) / x.length + 1e-5);
  return x.map((v, i) => ((v - mean) / root) * p.normGain![i]! + p.normBias![i]!);
}

/** The maps of each head that a token uses, by their place among all, and their weights. */
function chosen(x: number[], router: Loose, { H, E }: At["d"], topK: number): { map: number; weight: number }[][] {
  return cut(times(x, router), H).map((logits, h) =>
    range(E)
      .sort((a, b) => logits[b]! - logits[a]!)
      .slice(0, topK)
      .map((e) => ({ map: h * E + e, weight: sigmoid(logits[e]!) })),
  );
}

const mixed = (x: number[], maps: Loose, choice: { map: number; weight: number }[]): number[] =>
  choice
    .map(({ map, weight }) => times(x, maps[map]!).map((v) => weight * v))
    .reduce((total, one) => total.map((v, i) => v + one[i]!));

/** Csordás et al. 2023, eq. 5 and 6, one query and one key at a time. */
function naive({ x, p: given, c, d, s }: At) {
  const p = given as P;
  const stored = s as P | undefined;
  const old = (field: Loose | undefined, b: number): number[][][] =>
    field === undefined
      ? []
      : range(field[b]![0]!.length).map((t) => Array.from(field[b]!, (head) => Array.from(head[t]!, Number)));
  const [keys, values] = [x.map((_, b) => old(stored?.k, b)), x.map((_, b) => old(stored?.v, b))];
  const start = keys[0]!.length;
  const fresh = x.map((tokens, b) =>
    tokens.map((token, t) => {
      const chooser = layerNorm(token, p);
      const heads = cut(times(chooser, p.qk!), 2 * d.H).map((head) => turned(head, start + t, c.positions));
      keys[b]!.push(heads.slice(d.H));
      values[b]!.push(chosen(chooser, p.valueRouter!, d, c.topK).map((choice) => mixed(token, p.value!, choice)));
      return { q: heads.slice(0, d.H), outputs: chosen(chooser, p.outRouter!, d, c.topK) };
    }),
  );
  const y = fresh.map((tokens, b) =>
    tokens.map(({ q, outputs }, t) => {
      const seen = c.causal ? start + t + 1 : keys[b]!.length;
      const heads = range(d.H).map((h) => {
        const weights = range(seen).map((j) => Math.exp(dot(q[h]!, keys[b]![j]![h]!) / Math.sqrt(d.K)));
        const sums = range(d.K).map((i) => sum(weights.map((w, j) => w * values[b]![j]![h]![i]!)) / sum(weights));
        return mixed(sums, p.out!, outputs[h]!);
      });
      return heads.reduce((total, one) => total.map((v, i) => v + one[i]!));
    }),
  );
  const field = (all: number[][][][]) => all.map((rows) => range(d.H).map((h) => rows.map((row) => row[h]!)));
  return { y, ...(c.causal && { s: { k: field(keys), v: field(values) } }) };
}

mixerSuite(switchhead, {
  configs: [
    { heads: 2, experts: 4, positions: { kind: "rope", rotaryFraction: 0.5 }, norm: "layernorm" },
    { heads: 2, headSize: 3, experts: 4, topK: 1, dispatch: "blocks" },
    { heads: 1, experts: 2, topK: 2, causal: false, entropyWeight: 0 },
  ],
  width: 8,
  naive,
});

const D = 8;

/** The mixer over [2, T] tokens, with parameters and input drawn. */
function mixerOver(config: Partial<Config>, tokens: number, mask?: readonly number[]): Subject {
  const c = switchhead.config.parse({ heads: 2, ...config });
  const d = switchhead.dims(c, D);
  const io = { ...plainIo("train"), ...(mask && { mask_BT: constant(mask, [2, tokens], "bool") }) };
  return {
    inputs: { x: randomNormal("tokens", [2, tokens, D]), ...drawParameters(switchhead.params(d, c)) },
    build: ({ x, ...tensors }) => {
      const p = weightsFrom(tensors) as never;
      const { y, losses = [], probes } = switchhead.forward(x!, { c, d, p, s: {}, b: {}, io });
      return { y, ...probes, ...Object.fromEntries(losses.map(({ name, value }) => [name, value])) };
    },
  };
}

describe("switchhead", () => {
  test.each([1, 2])("maps on every token and maps on their own are one function, top %i", (topK) => {
    expectSameFunction(
      mixerOver({ topK, dispatch: "blocks", causal: false }, 40),
      mixerOver({ topK, dispatch: "dense", causal: false }, 40),
    );
  });

  test("all maps of a head together are multi-head attention with gates; k of them have a weight", () => {
    const { valueWeights, outputWeights } = run(mixerOver({ experts: 5, topK: 2 }, 7));
    for (const { data } of [valueWeights!, outputWeights!])
      for (let i = 0; i < data.length; i += 5) {
        const used = [...data.slice(i, i + 5)].filter((weight) => weight > 0);
        expect(used).toHaveLength(2);
        for (const weight of used) expect(weight).toBeLessThan(1);
      }
    expect(() => switchhead.dims(switchhead.config.parse({ experts: 2, topK: 3 }), D)).toThrow("E_MOE_TOPK");
  });

  test("the loss is minus the entropy of each sequence's mean choice, whatever stands at padding", () => {
    const subject = mixerOver({ experts: 3 }, 4, [1, 1, 1, 1, 1, 1, 0, 0]);
    const { valuesConcentration } = run(subject);
    const data = (name: string, b: number, t: number) =>
      range(D).map((i) => subject.inputs[name]!.data[(b * 4 + t) * D + i]!);
    const router = subject.inputs.valueRouter!.data;
    const softmax = (z: number[]) => z.map((v) => Math.exp(v) / sum(z.map(Math.exp)));
    const likely = (b: number, h: number, tokens: number) => {
      const all = range(tokens).map((t) =>
        softmax(
          range(3).map((e) =>
            dot(
              data("x", b, t),
              range(D).map((i) => router[i * 6 + h * 3 + e]!),
            ),
          ),
        ),
      );
      return range(3).map((e) => sum(all.map((p) => p[e]!)) / tokens);
    };
    const entropies = [4, 2].flatMap((tokens, b) =>
      range(2).map((h) => -sum(likely(b, h, tokens).map((p) => p * Math.log(p)))),
    );
    expect(valuesConcentration!.data[0]).toBeCloseTo(-sum(entropies) / 4, 9);
    expect(valuesConcentration!.data[0]).toBeGreaterThan(-Math.log(3));
  });
});
