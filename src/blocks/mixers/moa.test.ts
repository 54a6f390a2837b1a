import { describe, expect, test } from "vitest";
import { concat, zeros } from "../../tensor/index.ts";
import {
  drawParameters,
  expectSameFunction,
  type Loose,
  mixerSuite,
  type NaiveMixerArguments,
  plainIo,
  randomNormal,
  type Subject,
  weightsFrom,
} from "../../testing/index.ts";
import { attention } from "./attention.ts";
import { moa } from "./moa.ts";
import { cut, dot, range, sum, times } from "./plain-loops.ts";

type Config = ReturnType<typeof moa.config.parse>;
type At = NaiveMixerArguments<Config, ReturnType<typeof moa.dims>>;
type P = Readonly<Record<string, Loose>>;

/** Halves of a head, base 10000. */
function turned(x: readonly number[], position: number, { kind }: Config["positions"]): number[] {
  const half = x.length / 2;
  return x.map((value, i) => {
    if (kind !== "rope") return value;
    const angle = position * 10_000 ** (-(i % half) / half);
    return value * Math.cos(angle) + (i < half ? -x[i + half]! : x[i - half]!) * Math.sin(angle);
  });
}

/** A token's experts and their weights. */
function chosen(x: number[], router: Loose, { topK, routing }: Config): { expert: number; weight: number }[] {
  const logits = times(x, router);
  const best = range(logits.length)
    .sort((a, b) => logits[b]! - logits[a]!)
    .slice(0, topK);
  const all = routing === "topk-of-softmax" ? range(logits.length) : best;
  const total = sum(all.map((e) => Math.exp(logits[e]!)));
  return best.map((expert) => ({ expert, weight: Math.exp(logits[expert]!) / total }));
}

/** Zhang et al. 2022, eq. 4 to 8, one query and one key at a time. */
function naive({ x, p: given, c, d, s }: At) {
  const p = given as P;
  const stored = s as P | undefined;
  const old = (field: Loose | undefined, b: number): number[][][] =>
    field === undefined
      ? []
      : range(field[b]![0]!.length).map((t) => Array.from(field[b]!, (head) => Array.from(head[t]!, Number)));
  const [keys, values] = [x.map((_, b) => old(stored?.k, b)), x.map((_, b) => old(stored?.v, b))];
  const start = keys[0]!.length;
  for (const [b, tokens] of x.entries())
    for (const [t, token] of tokens.entries()) {
      const heads = cut(times(token, p.kv!), 2 * d.G);
      keys[b]!.push(heads.slice(0, d.G).map((head) => turned(head, start + t, c.positions)));
      values[b]!.push(heads.slice(d.G));
    }
  const read = (token: number[], b: number, t: number) => {
    const seen = c.causal ? start + t + 1 : keys[b]!.length;
    const parts = chosen(token, p.router!, c).map(({ expert, weight }) => {
      const q = cut(times(token, p.query![expert]!), d.G).map((head) => turned(head, start + t, c.positions));
      const heads = range(d.G).flatMap((g) => {
        const weights = range(seen).map((j) => Math.exp(dot(q[g]!, keys[b]![j]![g]!) / Math.sqrt(d.K)));
        return range(d.K).map((i) => sum(weights.map((w, j) => w * values[b]![j]![g]![i]!)) / sum(weights));
      });
      return times(heads, p.out![expert]!).map((v) => weight * v);
    });
    return range(d.D).map((i) => sum(parts.map((part) => part[i]!)) + (p.outBias?.[i] ?? 0));
  };
  const y = x.map((tokens, b) => tokens.map((token, t) => read(token, b, t)));
  const field = (all: number[][][][]) => all.map((rows) => range(d.G).map((g) => rows.map((row) => row[g]!)));
  return { y, ...(c.causal && { s: { k: field(keys), v: field(values) } }) };
}

mixerSuite(moa, {
  configs: [
    { experts: 4, positions: { kind: "rope" }, outBias: true },
    { experts: 3, kvHeads: 2, headSize: 3, dispatch: "blocks" },
    { experts: 3, topK: 1, routing: "topk-of-softmax", causal: false },
  ],
  width: 8,
  naive,
});

const D = 8;
const io = plainIo("eval");

function mixture(config: Partial<Config>, tokens: number): Subject {
  const c = moa.config.parse(config);
  const d = moa.dims(c, D);
  return {
    inputs: { x: randomNormal("tokens", [2, tokens, D]), ...drawParameters(moa.params(d, c)) },
    build: ({ x, ...tensors }) => ({
      y: moa.forward(x!, { c, d, p: weightsFrom(tensors) as never, s: {}, b: {}, io }).y,
    }),
  };
}

describe("moa", () => {
  test("experts on every token and experts on their own are one function", () => {
    const options = { experts: 4, kvHeads: 2, headSize: 2, causal: false };
    expectSameFunction(mixture({ ...options, dispatch: "blocks" }, 40), mixture({ ...options, dispatch: "dense" }, 40));
  });

  test("all experts with equal weights are multi-query attention over their number", () => {
    const E = 3;
    const { inputs } = mixture({ experts: E, topK: E, headSize: 4 }, 6);
    const { router: _, ...rest } = inputs;
    const c = moa.config.parse({ experts: E, topK: E, headSize: 4 });
    const d = moa.dims(c, D);
    const config = attention.config.parse({ heads: E, kvHeads: 1, headSize: 4 });
    expectSameFunction(
      {
        inputs: rest,
        build: ({ x, ...tensors }) => {
          const p = weightsFrom({ ...tensors, router: zeros([D, E]) }) as never;
          return { y: moa.forward(x!, { c, d, p, s: {}, b: {}, io }).y };
        },
      },
      {
        inputs: rest,
        build: ({ x, query, kv, out }) => {
          const queries = query!.transpose([1, 0, 2]).reshape([D, E * 4]);
          const p = weightsFrom({ qkv: concat(1, [queries, kv!]), out: out!.reshape([E * 4, D]) }) as never;
          const at = { c: config, d: attention.dims(config, D), p, s: {}, b: {}, io };
          return { y: attention.forward(x!, at).y.div(E) };
        },
      },
    );
  });

  test("one expert with a weight that is always 1, and more choices than experts, are refused", () => {
    for (const options of [{ topK: 1 }, { topK: 9 }])
      expect(() => moa.dims(moa.config.parse(options), D)).toThrow("E_MOE_TOPK");
  });
});
