import { expect, test } from "vitest";
import { countFlops } from "../../engine/index.ts";
import { concat, constant, input } from "../../tensor/index.ts";
import {
  type Loose,
  mixerSuite,
  type NaiveMixerArguments,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import { attention } from "./attention.ts";
import { linformer } from "./linformer.ts";
import { dot, range, sum, times } from "./mamba-naive.ts";

type At = NaiveMixerArguments<ReturnType<typeof linformer.config.parse>, ReturnType<typeof linformer.dims>>;

function sequence(x: number[][], { c, d, p }: { c: At["c"]; d: At["d"]; p: Readonly<Record<string, Loose>> }) {
  const slots = (map: Loose, weights: Loose) => {
    const rows = x.map((token) => times(token, map));
    return range(d.S).map((s) => rows[0]!.map((_, i) => sum(rows.map((row, t) => weights[t]![s]! * row[i]!))));
  };
  const k = slots(p.k!, p.keySlots!);
  const v = c.sharedKv ? k : slots(p.v!, p.valueSlots!);
  const part = (row: readonly number[], h: number) => row.slice(h * d.K, (h + 1) * d.K);
  return x.map((token) => {
    const q = times(token, p.q!);
    const y = range(d.H).flatMap((h) => {
      const own = c.oneKvHead ? 0 : h;
      const weights = k.map((row) => Math.exp(dot(part(q, h), part(row, own)) / Math.sqrt(d.K)));
      return range(d.K).map((i) => sum(v.map((row, s) => weights[s]! * part(row, own)[i]!)) / sum(weights));
    });
    return times(y, p.out!, p.outBias);
  });
}

mixerSuite(linformer, {
  configs: [
    { slots: 3, maxTokens: 24, heads: 2 },
    { slots: 2, maxTokens: 21, heads: 2, oneKvHead: true, sharedKv: true, outBias: false },
  ],
  width: 4,
  naive: ({ x, p, c, d }: At) => ({
    y: x.map((rows) => sequence(rows, { c, d, p: p as Readonly<Record<string, Loose>> })),
  }),
});

test("[linformer] with a slot of its own for every token it is full attention", () => {
  const [T, D] = [6, 4];
  const names = ["x", "q", "k", "v", "out"];
  const inputs = Object.fromEntries(names.map((name) => [name, randomNormal(name, name === "x" ? [2, T, D] : [D, D])]));
  const { ours, full } = run({
    inputs,
    build: ({ x, q, k, v, out }) => {
      const identity = constant(
        range(T * T).map((i) => (i % (T + 1) === 0 ? 1 : 0)),
        [T, T],
      );
      const c = linformer.config.parse({ heads: 2, slots: T, maxTokens: T, outBias: false });
      const p = weightsFrom({ q: q!, k: k!, v: v!, out: out!, keySlots: identity, valueSlots: identity });
      const io = plainIo("eval");
      const qkv = [q!, k!, v!];
      const config = attention.config.parse({ heads: 2, causal: false, positions: { kind: "none" } });
      const joined = weightsFrom({ qkv: concat(1, qkv), out: out! });
      return {
        ours: linformer.forward(x!, { c, d: linformer.dims(c, D), p, s: {}, b: {}, io }).y,
        full: attention.forward(x!, { c: config, d: attention.dims(config, D), p: joined as never, s: {}, b: {}, io })
          .y,
      };
    },
  });
  expect(ours!).toBeAllclose(full!, { tolerance: 1e-12 });
});

test("[linformer] its cost grows linearly with the sequence", () => {
  const flops = (T: number) => {
    const c = linformer.config.parse({ heads: 2, slots: 8, maxTokens: 1024 });
    const d = linformer.dims(c, 8);
    const declared = Object.entries(linformer.params(d, c));
    const p = weightsFrom(Object.fromEntries(declared.map(([name, { shape }]) => [name, input(name, shape)])));
    const at = { c, d, p: p as never, s: {}, b: {}, io: plainIo("eval") };
    return countFlops([linformer.forward(input("x", [1, T, 8]), at).y]).total;
  };
  expect(flops(1024) / flops(512)).toBeCloseTo(2, 2);
});
