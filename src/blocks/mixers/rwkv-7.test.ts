import { expect, it } from "vitest";
import { input, zeros } from "../../tensor/index.ts";
import { type Loose, mixerSuite, type NaiveMixerArguments, weightsFrom } from "../../testing/index.ts";
import { cut, dot, matrixFrom, range, sigmoid, times, unit } from "./plain-loops.ts";
import { goldenIo } from "./rnn-golden-weights.fixture.ts";
import { rwkv7 } from "./rwkv-7.ts";
import { mixTokens, normed } from "./rwkv-naive.ts";
import { eachSequence, type OneSequence } from "./sequence-naive.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof rwkv7.config.parse>,
  ReturnType<typeof rwkv7.dims>,
  ReturnType<typeof rwkv7.params>
>;

/** Peng et al. 2025, section 4.1, token by token. */
function sequence({ x, p, c, d, s }: OneSequence<At, "shift" | "S">) {
  let shift = s?.shift ?? new Array<number>(d.D).fill(0);
  const S = range(d.H).map((h) => matrixFrom(s?.S[h], d.K, d.K));
  const y = x.map((x_t) => {
    const mix = (mu: Loose) => mixTokens(x_t, shift, mu);
    const [r, k, v] = [times(mix(p.mixR), p.r), times(mix(p.mixK), p.k), times(mix(p.mixV), p.v)];
    const decay = times(times(mix(p.mixW), p.decayDown).map(Math.tanh), p.decayUp, p.decay).map((value) =>
      Math.exp(-Math.exp(-0.5) * sigmoid(value)),
    );
    const rate = times(times(mix(p.mixA), p.rateDown), p.rateUp, p.rate).map(sigmoid);
    const gate = times(times(mix(p.mixG), p.gateDown).map(sigmoid), p.gateUp);
    shift = x_t;
    const heads = [r, k, v, decay, rate].map((part) => cut(part, d.H));
    const o = range(d.H).flatMap((h) => {
      const [rh, kh, vh, wh, ah] = heads.map((part) => part[h]!) as [number[], number[], number[], number[], number[]];
      const removed = unit(
        kh.map((value, j) => value * p.removed[h]![j]!),
        0,
      );
      const key = kh.map((value, j) => value * (1 + (ah[j]! - 1) * p.slowed[h]![j]!));
      S[h] = S[h]!.map((row, i) => {
        const found = dot(row, removed);
        return row.map((value, j) => value * wh[j]! - found * removed[j]! * ah[j]! + vh[i]! * key[j]!);
      });
      const read = S[h]!.map((row) => dot(row, rh));
      const present = dot(
        rh,
        key.map((value, j) => value * p.bonus[h]![j]!),
      );
      return normed(read, c.epsilon).map((value, i) => {
        const channel = h * d.K + i;
        return value * p.normGain[channel]! + p.normOffset[channel]! + present * vh[i]!;
      });
    });
    return times(
      o.map((value, i) => value * gate[i]!),
      p.out,
    );
  });
  return { y, shift, S };
}

mixerSuite(rwkv7, {
  configs: [
    { heads: 2, decayRank: 2, rateRank: 3, gateRank: 4 },
    { heads: 4, decayRank: 1, rateRank: 1, gateRank: 2, depth: 1, epsilon: 0.1 },
  ],
  width: 8,
  algorithmic: ["chunk"],
  naive: eachSequence(["shift", "S"], sequence),
});

it("valueMix without values handed on is refused with a reason", () => {
  const c = rwkv7.config.parse({ valueMix: true, heads: 2 });
  const d = rwkv7.dims(c, 4);
  const tensors = Object.fromEntries(
    Object.entries(rwkv7.params(d, c)).map(([name, { shape }]) => [name, zeros(shape)]),
  );
  const p = weightsFrom(tensors) as unknown as Parameters<typeof rwkv7.forward>[1]["p"];
  expect(() => rwkv7.forward(input("x", [1, 3, 4]), { c, d, p, s: {}, b: {}, io: goldenIo() })).toThrow(
    /rwkv-7\.valueMix: expected an earlier rwkv-7 layer.*E_HANDED/s,
  );
});
