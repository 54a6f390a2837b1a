import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { gateloop } from "./gateloop.ts";
import { range, sigmoid, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof gateloop.config.parse>,
  ReturnType<typeof gateloop.dims>,
  ReturnType<typeof gateloop.params>
>;

/** Katsch 2023, section 3, with real gates, token by token. */
function sequence({ x, p, d, s }: Omit<At, "x" | "s"> & { x: number[][]; s: Loose | undefined }) {
  const h: number[] = range(d.I).map((i) => s?.[i] ?? 0);
  const y = x.map((x_t) => {
    const [query, entered, gate] = [times(x_t, p.query), times(x_t, p.input), times(x_t, p.gate).map(sigmoid)];
    for (const i of range(d.I)) h[i] = gate[i]! * h[i]! + entered[i]!;
    const read = h.map((value, i) => value * query[i]!);
    return p.out ? times(read, p.out) : read;
  });
  return { y, h };
}

mixerSuite(gateloop, {
  configs: [{ inner: 5 }, { project: false }],
  width: 8,
  naive: ({ x, s, ...at }) => {
    const results = x.map((rows, b) => sequence({ ...at, x: rows, s: s?.h[b] }));
    return { y: results.map(({ y }) => y), s: { h: results.map(({ h }) => h) } };
  },
});
