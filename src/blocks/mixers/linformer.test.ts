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
import { readSlotsNaively } from "./linformer-naive.ts";
import { range } from "./plain-loops.ts";

type At = NaiveMixerArguments<ReturnType<typeof linformer.config.parse>, ReturnType<typeof linformer.dims>>;

mixerSuite(linformer, {
  configs: [
    { slots: 3, maxTokens: 24, heads: 2 },
    { slots: 2, maxTokens: 21, heads: 2, oneKvHead: true, sharedKv: true, outBias: false },
  ],
  width: 4,
  naive: ({ x, p, c, d }: At) => ({
    y: x.map((rows) => readSlotsNaively(rows, rows, { c, d, p: p as Readonly<Record<string, Loose>> })),
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
