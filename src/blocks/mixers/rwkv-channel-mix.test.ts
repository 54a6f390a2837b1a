import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { sigmoid, times } from "./plain-loops.ts";
import { rwkvChannelMix } from "./rwkv-channel-mix.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof rwkvChannelMix.config.parse>,
  ReturnType<typeof rwkvChannelMix.dims>,
  ReturnType<typeof rwkvChannelMix.params>
>;

/** Peng et al. 2023, eq. 18, token by token. */
function sequence({ x, p, d, s }: Omit<At, "x" | "s"> & { x: number[][]; s: number[] | undefined }) {
  let shift = s ?? new Array<number>(d.D).fill(0);
  const y = x.map((x_t) => {
    const mix = (mu: Loose) => x_t.map((value, i) => value + mu[i]! * (shift[i]! - value));
    const hidden = times(mix(p.mixK), p.k).map((value) => Math.max(0, value) ** 2);
    const gate = p.r && p.mixR ? times(mix(p.mixR), p.r).map(sigmoid) : undefined;
    shift = x_t;
    return times(hidden, p.v).map((value, i) => value * (gate?.[i] ?? 1));
  });
  return { y, shift };
}

mixerSuite(rwkvChannelMix, {
  configs: [{}, { gate: false, hidden: 5, depth: 0 }],
  width: 8,
  naive: ({ x, s, ...at }) => {
    const results = x.map((rows, b) => sequence({ ...at, x: rows, s: s?.shift[b] }));
    return { y: results.map(({ y }) => y), s: { shift: results.map(({ shift }) => shift) } };
  },
});
