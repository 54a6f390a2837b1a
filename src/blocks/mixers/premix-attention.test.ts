import { expect, test } from "vitest";
import {
  drawParameters,
  mixerSuite,
  type NaiveMixerArguments,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import { attention } from "./attention.ts";
import { dot, range, sum, times } from "./plain-loops.ts";
import { premixAttention } from "./premix-attention.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof premixAttention.config.parse>,
  ReturnType<typeof premixAttention.dims>,
  ReturnType<typeof premixAttention.params>,
  ReturnType<typeof premixAttention.state>
>;

function sequence(
  x: number[][],
  { c, d, p }: Pick<At, "c" | "d" | "p">,
  stored: { k: number[][][]; x: number[][] } | undefined,
) {
  const part = (row: number[], h: number) => row.slice(h * d.K, (h + 1) * d.K);
  const projected = x.map((token) => times(token, p.qk));
  const k = range(d.H).map((h) => [...(stored?.k[h] ?? []), ...projected.map((row) => part(row, d.H + h))]);
  const all = [...(stored?.x ?? []), ...x];
  const y = x.map((_, i) => {
    const seen = range(c.causal ? all.length - x.length + i + 1 : all.length);
    const heads = range(d.H).map((h) => {
      const shares = seen.map((s) => Math.exp(dot(part(projected[i]!, h), k[h]![s]!) / Math.sqrt(d.K)));
      const mixed = range(d.D).map((j) => sum(seen.map((s) => (shares[s]! / sum(shares)) * all[s]![j]!)));
      const hidden = times(mixed, p.up[h]!).map((value) => (c.activation === "relu" ? Math.max(0, value) : value));
      return times(hidden, p.down.slice(h * d.F, (h + 1) * d.F));
    });
    return range(d.D).map((j) => sum(heads.map((head) => head[j]!)));
  });
  return { y, k, all };
}

mixerSuite(premixAttention, {
  configs: [
    { heads: 2 },
    { heads: 2, headSize: 3, hidden: 5, activation: "relu" },
    { heads: 1, causal: false, activation: "relu" },
  ],
  width: 4,
  naive: ({ x, p, c, d, s }: At) => {
    const results = x.map((rows, b) => {
      const stored = s && { k: s.k_BHTK![b] as never, x: s.x_BTD![b] as never };
      return sequence(rows, { c, d, p }, stored);
    });
    const state = { k_BHTK: results.map(({ k }) => k), x_BTD: results.map(({ all }) => all) };
    return { y: results.map(({ y }) => y), s: c.causal ? state : {} };
  },
});

test("[premix-attention] linear experts are the values and outputs of multi-head attention, under any positions", () => {
  const [D, H, K] = [16, 4, 4];
  const x = randomNormal("x", [2, 9, D]);
  for (const positions of [{ kind: "none" }, { kind: "rope" }, { kind: "alibi" }]) {
    const options = { heads: H, positions };
    const c = attention.config.parse(options);
    const parameters = drawParameters(attention.params(attention.dims(c, D), c));
    const own = premixAttention.config.parse(options);
    const { whole, premixed } = run({
      inputs: { x, ...parameters },
      build: ({ x: input, qkv, out }) => {
        const at = { s: {}, b: {}, io: plainIo("eval") };
        const up = qkv!
          .slice(1, 2 * D)
          .reshape([D, H, K])
          .transpose([1, 0, 2]);
        const split = weightsFrom({ qk: qkv!.slice(1, 0, 2 * D), up, down: out! });
        return {
          whole: attention.forward(input!, {
            ...at,
            c,
            d: attention.dims(c, D),
            p: weightsFrom({ qkv: qkv!, out: out! }),
          } as never).y,
          premixed: premixAttention.forward(input!, {
            ...at,
            c: own,
            d: premixAttention.dims(own, D),
            p: split,
          } as never).y,
        };
      },
    });
    expect(premixed!).toBeAllclose(whole!, { tolerance: 1e-6 });
  }
});
