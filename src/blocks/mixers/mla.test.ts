import { expect, test } from "vitest";
import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { mla } from "./mla.ts";
import { dot, range, sum, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<ReturnType<typeof mla.config.parse>, ReturnType<typeof mla.dims>>;
type P = Readonly<Record<string, Loose>>;

const normed = (x: readonly number[], gain: Loose | undefined, epsilon: number): number[] => {
  if (gain === undefined) return [...x];
  const rms = Math.sqrt(sum(x.map((value) => value * value)) / x.length + epsilon);
  return x.map((value, i) => (value / rms) * gain[i]!);
};

/** Neighbouring pairs turned by position · 10000^(−i/pairs). */
function turned(x: readonly number[], position: number): number[] {
  const pairs = x.length / 2;
  return x.map((value, i) => {
    const angle = position * 10_000 ** (-Math.floor(i / 2) / pairs);
    const partner = i % 2 === 0 ? -x[i + 1]! : x[i - 1]!;
    return value * Math.cos(angle) + partner * Math.sin(angle);
  });
}

/** Head h of a row that holds several, each of this width. */
const headOf = (row: readonly number[], h: number, size: number): number[] => row.slice(h * size, (h + 1) * size);

/** DeepSeek-V2, eq. 9–19, with the keys and values of every head written out; the last heads may have rotated keys instead. */
function naive({ x, p: given, c, d, s }: At) {
  const p = given as P;
  const rows = (field: Loose | undefined, b: number): number[][] =>
    field === undefined ? [] : Array.from(field[b]!, (entry) => Array.from(entry as Loose, Number));
  const latent = x.map((_, b) => rows(s?.latent, b));
  const shared = x.map((_, b) => rows(s?.rotated, b));
  const [own, first] = [c.rotaryHeads ?? 0, d.H - (c.rotaryHeads ?? 0)];
  const keys = x.map((_, b) => range(own).map((h) => (s?.keys ? rows((s.keys as Loose)[b] as Loose, h) : [])));
  const placed = (row: readonly number[], t: number) => (c.rotate === false ? [...row] : turned(row, t));
  const [N, P, scale] = [d.N, c.rotarySize, c.scale ?? (d.N + c.rotarySize) ** -0.5];
  const y = x.map((tokens, b) =>
    tokens.map((token) => {
      const t = latent[b]!.length;
      const down = times(token, p.down!);
      latent[b]!.push(normed(down.slice(0, d.R), p.latentNorm, c.epsilon));
      shared[b]!.push(placed(down.slice(d.R), t));
      const fresh = own > 0 ? times(token, p.rotaryKey!) : [];
      keys[b]!.forEach((of, h) => void of.push(placed(headOf(fresh, h, N), t)));
      const hidden = p.queryDown ? normed(times(token, p.queryDown), p.queryNorm, c.epsilon) : token;
      const query = times(hidden, p.query!);
      const heads = range(d.H).map((h) => {
        const q = headOf(query, h, N + P);
        const rotated = placed(q.slice(N), t);
        const score = (row: number[], j: number) =>
          h < first
            ? dot(q.slice(0, N), times(row, p.keyUp![h]!)) + dot(rotated, shared[b]![j]!)
            : dot(placed(q, t), keys[b]![h - first]![j]!);
        const weights = latent[b]!.map((row, j) => Math.exp(scale * score(row, j)));
        const values = latent[b]!.map((row) => times(row, p.valueUp![h]!));
        return range(d.V).map((i) => sum(values.map((v, j) => weights[j]! * v[i]!)) / sum(weights));
      });
      return times(heads.flat(), p.out!);
    }),
  );
  return { y, s: { latent, ...(P > 0 && { rotated: shared }), ...(own > 0 && { keys }) } };
}

mixerSuite(mla, {
  configs: [
    { heads: 2, latent: 6, rotarySize: 4 },
    { heads: 2, latent: 5, queryLatent: 7, plainSize: 3, rotarySize: 2, valueSize: 4, scale: 0.4 },
    { heads: 4, latent: 6, rotarySize: 0, latentNorm: false },
    { heads: 4, latent: 6, queryLatent: 5, rotarySize: 0, rotaryHeads: 1, valueSize: 3 },
    { heads: 2, latent: 6, rotarySize: 4, rotate: false },
  ],
  naive: naive as never,
});

test("a token is cached as its latent vector and one rotated key, whatever the number of heads", () => {
  for (const heads of [2, 8]) {
    const c = mla.config.parse({ heads, latent: 12, rotarySize: 4 });
    const { latent, rotated } = mla.state(mla.dims(c, 64), c);
    expect([latent.shape(100), rotated!.shape(100)]).toEqual([
      [100, 12],
      [100, 4],
    ]);
  }
});

test("rotated keys of some heads are cached beside the latent; not of all heads, nor beside rotated parts", () => {
  const sizes = (options: object) => {
    const c = mla.config.parse({ heads: 4, latent: 12, rotarySize: 0, ...options });
    return mla.state(mla.dims(c, 64), c);
  };
  const { latent, rotated, keys } = sizes({ rotaryHeads: 2 });
  expect([latent.shape(100), keys!.shape(100), rotated]).toEqual([[100, 12], [2, 100, 16], undefined]);
  expect(() => sizes({ rotaryHeads: 4 })).toThrow("E_ROTARY_HEADS");
  expect(() => sizes({ rotaryHeads: 1, rotarySize: 8 })).toThrow("E_ROTARY_HEADS");
});
