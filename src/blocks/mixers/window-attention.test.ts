import { describe, expect, test } from "vitest";
import { scaledDotProduct } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import {
  type Loose,
  mixerSuite,
  type NaiveMixerArguments,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import { mergeHeads, splitHeads } from "./attention-heads.ts";
import { cut, dot, range, sum, times } from "./plain-loops.ts";
import { windowAttention } from "./window-attention.ts";

type C = ReturnType<typeof windowAttention.config.parse>;
type At = NaiveMixerArguments<C, ReturnType<typeof windowAttention.dims>>;
type P = Readonly<Record<string, Loose>>;

/** The window of a cell along one axis, its place there, and whether the shift took it around the edge. */
function along(cell: number, size: number, { window, shift, partition }: C) {
  const windows = Math.ceil(size / window);
  if (partition === "grid") return { window: cell % windows, place: Math.floor(cell / windows), wrapped: false };
  const moved = size <= window ? 0 : shift;
  const rolled = (cell - moved + windows * window) % (windows * window);
  return { window: Math.floor(rolled / window), place: rolled % window, wrapped: cell < moved };
}

function biasAt(dy: number, dx: number, h: number, { c, p }: { c: C; p: P }): number {
  const w = c.window;
  if (c.relative === "table") return (p.table![(dy + w - 1) * (2 * w - 1) + dx + w - 1] as number[])[h]!;
  if (c.relative === "none") return 0;
  const near = (n: number) => (Math.sign(n) * Math.log2(1 + (8 * Math.abs(n)) / (w - 1))) / 3;
  const hidden = times([near(dy), near(dx)], p.up!, p.upBias).map((value) => Math.max(0, value));
  return 16 / (1 + Math.exp(-times(hidden, p.down!)[h]!));
}

function naive({ x, p: given, c, d }: At) {
  const p = given as P;
  const rows = Math.ceil(x[0]!.length / c.columns);
  const length = (v: number[]) => Math.sqrt(dot(v, v) + 1e-24);
  const y = x.map((tokens) => {
    const heads = tokens.map((token) => cut(times(token, p.qkv!, p.qkvBias), 3 * d.H));
    const at = tokens.map((_, t) => ({
      y: along(Math.floor(t / c.columns), rows, c),
      x: along(t % c.columns, c.columns, c),
    }));
    return tokens.map((_, t) => {
      const [mine, own] = [at[t]!, heads[t]!];
      const seen = range(tokens.length).filter((s) =>
        (["y", "x"] as const).every(
          (axis) => at[s]![axis].window === mine[axis].window && at[s]![axis].wrapped === mine[axis].wrapped,
        ),
      );
      const joined = range(d.H).flatMap((h) => {
        const scores = seen.map((s) => {
          const [q, k] = [own[h]!, heads[s]![d.H + h]!];
          const plain =
            c.score === "dot"
              ? dot(q, k) / Math.sqrt(d.K)
              : (dot(q, k) / (length(q) * length(k))) * Math.exp(Math.min(Number(p.temperature![h]), Math.log(100)));
          return plain + biasAt(mine.y.place - at[s]!.y.place, mine.x.place - at[s]!.x.place, h, { c, p });
        });
        const weights = scores.map((score) => Math.exp(score - Math.max(...scores)));
        return range(d.K).map((i) => sum(seen.map((s, n) => weights[n]! * heads[s]![2 * d.H + h]![i]!)) / sum(weights));
      });
      return times(joined, p.out!, p.outBias);
    });
  });
  return { y };
}

mixerSuite(windowAttention, {
  configs: [
    { heads: 2, columns: 5, window: 2 },
    { heads: 2, columns: 3, window: 2, shift: 1, relative: "none", bias: false },
    { heads: 2, columns: 4, window: 3, shift: 1, relative: "network", hidden: 3, score: "cosine" },
    { heads: 2, columns: 3, window: 2, partition: "grid" },
  ],
  width: 8,
  naive: naive as never,
});

const [D, H] = [8, 2];

/** The mixer's output over a grid of 4 × 4, and the gradient of some tokens' sum by the input. */
function subject(options: Partial<C>) {
  const c = windowAttention.config.parse({ heads: H, columns: 4, relative: "none", ...options });
  const d = windowAttention.dims(c, D);
  const shapes = Object.entries(windowAttention.params(d, c)).map(([name, { shape }]) => [
    name,
    randomNormal(name, shape),
  ]);
  const inputs = { x: randomNormal("x", [1, 16, D]), ...Object.fromEntries(shapes) };
  const forward = (x: Tensor, weights: Record<string, Tensor>) =>
    windowAttention.forward(x, { c, d, p: weightsFrom(weights) as never, s: {}, b: {}, io: plainIo("eval") }).y;
  return { inputs, forward };
}

describe("windows", () => {
  test("[swin-window] one window as large as the image is full attention", () => {
    const { inputs, forward } = subject({ window: 4, shift: 2 });
    const { y, whole } = run({
      inputs,
      build: ({ x, ...w }) => {
        const heads = splitHeads(x!.matmul(w.qkv!).add(w.qkvBias!), 3 * H).split(1, [H, H, H]);
        const [q, k, v] = heads as [Tensor, Tensor, Tensor];
        const attended = mergeHeads(scaledDotProduct({ q, k, v })).matmul(w.out!).add(w.outBias!);
        return { y: forward(x!, w), whole: attended };
      },
    });
    expect(y).toBeAllclose(whole!, { tolerance: 1e-12 });
  });

  test("[swin-window] shifted windows join neighbours of different windows, and nothing leaks across the seam", () => {
    const sees = (shift: number, from: number): number[] => {
      const { inputs, forward } = subject({ window: 2, shift });
      const outputs = [0, 1].map((move) => {
        const data = inputs.x.data.map((value: number, i: number) =>
          Math.floor(i / D) === from ? value + move : value,
        );
        return run({ inputs: { ...inputs, x: { ...inputs.x, data } }, build: ({ x, ...w }) => ({ y: forward(x!, w) }) })
          .y!;
      });
      return range(16).filter((t) => range(D).some((i) => outputs[0]!.data[t * D + i] !== outputs[1]!.data[t * D + i]));
    };
    // Row by row: token 5 is the cell (1, 1).
    expect(sees(0, 5)).toEqual([0, 1, 4, 5]);
    expect(sees(1, 5)).toEqual([5, 6, 9, 10]);
    // The corner shares a rolled window with the three other corners, from which it is far away.
    expect(sees(1, 0)).toEqual([0]);
    expect(sees(1, 1)).toEqual([1, 2]);
  });
});
