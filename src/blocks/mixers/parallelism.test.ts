import { describe, expect, test } from "vitest";
import { countBytes, countFlops, criticalPath } from "../../engine/index.ts";
import { associativeScan } from "../../ops/index.ts";
import { input, type Shape, type Tensor } from "../../tensor/index.ts";
import { families } from "../index.ts";
import { goldenIo, weightOf } from "./rnn-golden-weights.fixture.ts";

/** One head of attention is as wide as the model. */
const D = 64;
const lengths = [64, 256, 1024, 4096] as const;

/** What a mixer computes of `tokens` tokens, as a graph. */
function traced(kind: string, tokens: number, options: object = {}): Tensor[] {
  const mixer = families.mixers[kind]!;
  const c = mixer.config.parse(options);
  const d = mixer.dims(c, D);
  const declared = Object.entries(mixer.params(d, c)) as [string, { shape: Shape }][];
  const p = Object.fromEntries(declared.map(([name, { shape }]) => [name, weightOf(input(name, shape))]));
  return [mixer.forward(input("x", [1, tokens, D]), { c, d, p, b: {}, s: {}, io: goldenIo() }).y];
}

/** A recurrence of D gates and inputs as parallel prefixes. */
const prefixes = (tokens: number): Tensor[] => [
  associativeScan({ a: input("a", [D, tokens]), u: input("u", [D, tokens]) }),
];

const kinds = {
  rnn: (n: number) => traced("rnn", n),
  attention: (n: number) => traced("attention", n, { heads: 1, positions: { kind: "none" } }),
  scan: prefixes,
};
const depthOf = (kind: keyof typeof kinds) => lengths.map((n) => criticalPath(kinds[kind](n)));
const intensityOf = (kind: keyof typeof kinds) =>
  lengths.map((n) => countFlops(kinds[kind](n)).total / countBytes(kinds[kind](n)));

test("[rnn-serial-bottleneck] dependent steps grow with n in an RNN, with log n in a scan, and not at all in attention", () => {
  const [rnn, attention, scan] = [depthOf("rnn"), depthOf("attention"), depthOf("scan")];
  const perToken = (rnn[1]! - rnn[0]!) / (lengths[1] - lengths[0]);
  // W h, the input's share and tanh.
  expect(perToken).toBe(3);
  for (const [i, n] of lengths.entries()) expect(rnn[i]! - perToken * n).toBe(rnn[0]! - perToken * lengths[0]);
  expect(new Set(attention).size).toBe(1);
  for (const [i, n] of lengths.entries()) expect(scan[i]).toBe(4 * Math.log2(n) - 2);
});

test.each(["lstm", "gru", "slstm", "cfc", "ltc"])("[rnn-serial-bottleneck] %s waits for every token", (kind) => {
  const [short, long] = [128, 512].map((n) => criticalPath(traced(kind, n))) as [number, number];
  expect(long - short).toBeGreaterThanOrEqual(2 * (512 - 128));
  expect((long - short) % (512 - 128)).toBe(0);
});

describe("[hw-parallelism-claim] what a wide machine gains", () => {
  test("[hw-parallelism-claim] FLOPs that could run at once: attention's grow with n², an RNN's not at all", () => {
    const width = (kind: keyof typeof kinds) =>
      lengths.map((n) => countFlops(kinds[kind](n)).total / criticalPath(kinds[kind](n)));
    const [rnn, attention, scan] = [width("rnn"), width("attention"), width("scan")];
    expect(rnn[3]! / rnn[0]!).toBeLessThan(1.2);
    expect(scan[3]! / scan[0]!).toBeGreaterThan(20);
    expect(scan[3]! / scan[0]!).toBeLessThan(64);
    expect(attention[3]! / attention[2]!).toBeGreaterThan(8);
    expect(attention[3]! / attention[0]!).toBeGreaterThan(64);
  });

  test("[hw-parallelism-claim] FLOPs a byte: an RNN reads its weights at every step and a scan has no products, whatever n; attention's products reuse what they read", () => {
    const [rnn, attention, scan] = [intensityOf("rnn"), intensityOf("attention"), intensityOf("scan")];
    for (const values of [rnn, scan]) expect(Math.max(...values) / Math.min(...values)).toBeLessThan(1.1);
    expect(Math.max(...scan)).toBeLessThan(0.25);
    for (const [i, value] of attention.entries()) expect(value).toBeGreaterThan(4 * Math.max(rnn[i]!, scan[i]!));
  });

  test("[hw-parallelism-claim] so attention wins although it computes more: beyond some n its FLOPs exceed an RNN's", () => {
    const flops = (kind: keyof typeof kinds) => lengths.map((n) => countFlops(kinds[kind](n)).total);
    const [rnn, attention] = [flops("rnn"), flops("attention")];
    for (const [i] of lengths.entries()) expect(attention[i]!).toBeGreaterThan(rnn[i]!);
    expect(attention[3]! / rnn[3]!).toBeGreaterThan(20);
  });
});
