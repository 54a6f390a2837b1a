import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { hgrn } from "./hgrn.ts";
import { range, rms, sigmoid, silu, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof hgrn.config.parse>,
  ReturnType<typeof hgrn.dims>,
  ReturnType<typeof hgrn.params>
>;

/** Qin et al. 2023, eq. 1–4, token by token. */
function sequence({ x, p, c, d, s }: Omit<At, "x" | "s"> & { x: number[][]; s: Loose | undefined }) {
  const h: number[] = range(d.I).map((i) => s?.[i] ?? 0);
  const y = x.map((x_t) => {
    const candidate = times(x_t, p.candidate).map(silu);
    for (const [i, pre] of times(x_t, p.forget).entries()) {
      const kept = c.floor + (1 - c.floor) * sigmoid(pre);
      h[i] = kept * h[i]! + (1 - kept) * candidate[i]!;
    }
    const gate = times(x_t, p.gate).map(silu);
    return times(
      rms(h, c.epsilon).map((value, i) => value * p.norm[i]! * gate[i]!),
      p.out,
    );
  });
  return { y, h };
}

mixerSuite(hgrn, {
  configs: [{}, { inner: 5, floor: 0.8, epsilon: 0.1 }],
  width: 8,
  naive: ({ x, s, ...at }) => {
    const results = x.map((rows, b) => sequence({ ...at, x: rows, s: s?.h[b] }));
    return { y: results.map(({ y }) => y), s: { h: results.map(({ h }) => h) } };
  },
});
