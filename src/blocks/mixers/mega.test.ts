import { expect, test } from "vitest";
import {
  type Loose,
  mixerSuite,
  type NaiveMixerArguments,
  type Nested,
  plainIo,
  randomNormal,
  run,
} from "../../testing/index.ts";
import { contextOf, testedPart, withPrefix } from "../../testing/part.ts";
import type { Mixer } from "../define.ts";
import { mega } from "./mega.ts";
import { dot, matrixFrom, range, sigmoid, silu, sum, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof mega.config.parse>,
  ReturnType<typeof mega.dims>,
  Record<string, Loose>
>;
type Parts = Pick<At, "c" | "d" | "p">;

/** Ma et al. 2022, eq. 4 and 5, along one direction; `e` [D][N] moves on. */
function averages(x: number[][], { d, p }: Parts, name: string, e: number[][]): number[][] {
  return x.map((token) =>
    token.map((value, i) => {
      for (const n of range(d.N)) {
        const at = (which: string) => p[`${name}.${which}`]![i]![n]!;
        const [share, damping] = [sigmoid(at("share")), sigmoid(at("damping"))];
        e[i]![n] = share * at("spread") * value + (1 - share) * damping * e[i]![n]!;
      }
      return dot(e[i]!, p[`${name}.gathered`]![i]!);
    }),
  );
}

interface Stored {
  e: Loose | undefined;
  k: number[][] | undefined;
  v: number[][] | undefined;
  /** Tokens before, of which a chunk may have dropped some. */
  from: number;
}

function sequence(x: number[][], at: Parts, stored: Stored) {
  const { c, d, p } = at;
  const e = matrixFrom(stored.e, d.D, d.N);
  const ahead = averages(x, at, "ema", e);
  const back = c.causal
    ? undefined
    : averages([...x].reverse(), at, "emaBack", matrixFrom(undefined, d.D, d.N)).reverse();
  const near = x.map((token, t) =>
    token.map((value, i) => silu(ahead[t]![i]! + (back?.[t]?.[i] ?? 0) + p.skip![i]! * value)),
  );
  const wide = near.map((row) => times(row, p.fromAverages!, p.fromAveragesBias));
  const side = (n: number) =>
    wide.map((row) => range(d.K).map((i) => silu(row[i]!) * p.scales![n]![i]! + p.offsets![n]![i]!));
  const [q, own] = [side(0), side(1)] as [number[][], number[][]];
  const [k, v] = [
    [...(stored.k ?? []), ...own],
    [...(stored.v ?? []), ...x.map((token) => times(token, p.v!, p.vBias).map(silu))],
  ];
  const old = k.length - x.length;
  const chunkOf = (index: number) => Math.floor(index / (c.attentionChunk ?? Number.POSITIVE_INFINITY));
  const y = x.map((token, t) => {
    const i = stored.from + t;
    const seen = range(k.length).filter((s) => {
      const j = stored.from - old + s;
      return (!c.causal || j <= i) && chunkOf(j) === chunkOf(i);
    });
    const shares = seen.map((s) => Math.exp(dot(q[t]!, k[s]!) / Math.sqrt(d.K)));
    const o = range(d.V).map((f) => sum(seen.map((s, n) => (shares[n]! / sum(shares)) * v[s]![f]!)));
    const reset = range(d.V).map((f) => silu(wide[t]![d.K + f]!) * o[f]!);
    const mapped = times(reset, p.candidate!);
    return token.map((value, f) => {
      const phi = sigmoid(wide[t]![d.K + d.V + f]!);
      return phi * silu(wide[t]![d.K + d.V + d.D + f]! + mapped[f]!) + (1 - phi) * value;
    });
  });
  return { y, e, k, v };
}

const chunk = 4;

mixerSuite(mega, {
  configs: [
    { averages: 2, keySize: 3, valueSize: 5 },
    { averages: 2, attentionChunk: chunk },
    { averages: 2, valueSize: 3, causal: false },
  ],
  width: 4,
  algorithmic: ["chunk"],
  naive: (({ x, s, c, d, p }: At) => {
    const results = x.map((rows, b) => {
      const kept = (name: string) =>
        s?.[name as never]?.[b as never]?.[0 as never] as unknown as number[][] | undefined;
      const [k, v] = [kept("k_BHTK"), kept("v_BHTK")];
      // Laws start from 5 tokens where they start from a state; a window holds the last of them.
      const from = s ? 5 : 0;
      return sequence(rows, { c, d, p }, { e: s?.["ema.e" as never]?.[b as never], k, v, from });
    });
    const last = (rows: number[][]) => (c.attentionChunk === undefined ? rows : rows.slice(-c.attentionChunk));
    const state: Record<string, Nested> = {
      "ema.e": results.map(({ e }) => e),
      k_BHTK: results.map(({ k }) => [last(k)]),
      v_BHTK: results.map(({ v }) => [last(v)]),
    };
    return { y: results.map(({ y }) => y), s: c.causal ? state : {} };
  }) as never,
});

test("[mega] a closed update gate leaves the input, and a chunk's outputs are those of its tokens alone but for the averages", () => {
  const [T, D] = [8, 4];
  const mixer = mega as unknown as Mixer;
  const part = testedPart(mixer, { averages: 2, keySize: 2, valueSize: 3 }, (c) => mixer.dims(c, D));
  const x = randomNormal("x", [2, T, D]);
  const closed = part.parameters["fromAveragesBias"]!.data.map((value, i) => (i >= 5 && i < 5 + D ? -1e4 : value));
  const { y } = run({
    inputs: {
      x,
      ...withPrefix("p.", { ...part.parameters, fromAveragesBias: { shape: [5 + 2 * D], data: closed } }),
    },
    build: (at) => ({ y: mixer.forward(at.x!, { ...contextOf(part, at), s: {}, io: plainIo("eval") }).y }),
  });
  expect(y!.data).toEqual(x.data);

  const chunked = testedPart(mixer, { averages: 2, attentionChunk: chunk }, (c) => mixer.dims(c, D));
  const { weights } = run({
    inputs: { x, ...withPrefix("p.", chunked.parameters) },
    build: (at) => ({
      weights: mixer.forward(at.x!, { ...contextOf(chunked, at), s: {}, io: plainIo("eval") }).probes!.weights_BHTS!,
    }),
  });
  weights!.data.forEach((weight, n) => {
    const [t, s] = [Math.floor(n / T) % T, n % T];
    expect(weight > 0).toBe(s <= t && Math.floor(s / chunk) === Math.floor(t / chunk));
  });
});
