import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { range, sigmoid, times } from "./plain-loops.ts";
import { rwkv4 } from "./rwkv-4.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof rwkv4.config.parse>,
  ReturnType<typeof rwkv4.dims>,
  ReturnType<typeof rwkv4.params>
>;
type States = { shift: number[]; average: number[]; logWeight: number[] };

/** Peng et al. 2023, eq. 16 and appendix D, token by token with both sums apart and no stabilisation. */
function sequence({ x, p, d, s }: Omit<At, "x" | "s"> & { x: number[][]; s: States | undefined }) {
  let shift = s?.shift ?? new Array<number>(d.D).fill(0);
  const weight = range(d.I).map((i) => (s ? Math.exp(s.logWeight[i]!) : 0));
  const total = range(d.I).map((i) => (s ? s.average[i]! * weight[i]! : 0));
  const y = x.map((x_t) => {
    const mix = (mu: Loose) => x_t.map((value, i) => value + mu[i]! * (shift[i]! - value));
    const [r, k, v] = [times(mix(p.mixR), p.r).map(sigmoid), times(mix(p.mixK), p.k), times(mix(p.mixV), p.v)];
    shift = x_t;
    const o = range(d.I).map((i) => {
      const now = Math.exp(p.bonus[i]! + k[i]!);
      const read = (total[i]! + now * v[i]!) / (weight[i]! + now);
      const kept = Math.exp(-Math.exp(p.decay[i]!));
      weight[i] = kept * weight[i]! + Math.exp(k[i]!);
      total[i] = kept * total[i]! + Math.exp(k[i]!) * v[i]!;
      return r[i]! * read;
    });
    return times(o, p.out);
  });
  return { y, shift, average: total.map((sum, i) => sum / weight[i]!), logWeight: weight.map(Math.log) };
}

mixerSuite(rwkv4, {
  configs: [{}, { inner: 5, depth: 1 }],
  width: 8,
  naive: ({ x, s, ...at }) => {
    const start = (b: number) => s && { shift: s.shift[b]!, average: s.average[b]!, logWeight: s.logWeight[b]! };
    const results = x.map((rows, b) => sequence({ ...at, x: rows, s: start(b) }));
    return {
      y: results.map(({ y }) => y),
      s: {
        shift: results.map(({ shift }) => shift),
        average: results.map(({ average }) => average),
        logWeight: results.map(({ logWeight }) => logWeight),
      },
    };
  },
});
