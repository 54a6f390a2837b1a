import { expect, test } from "vitest";
import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { dot, range, sum, times } from "./mamba-naive.ts";
import { mla } from "./mla.ts";

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

/** DeepSeek-V2, eq. 9–19, with the keys and values of every head written out. */
function naive({ x, p: given, c, d, s }: At) {
  const p = given as P;
  const rows = (field: Loose | undefined, b: number): number[][] =>
    field === undefined ? [] : Array.from(field[b]!, (entry) => Array.from(entry as Loose, Number));
  const latent = x.map((_, b) => rows(s?.latent, b));
  const shared = x.map((_, b) => rows(s?.rotated, b));
  const [N, P, scale] = [d.N, c.rotarySize, c.scale ?? (d.N + c.rotarySize) ** -0.5];
  const y = x.map((tokens, b) =>
    tokens.map((token) => {
      const t = latent[b]!.length;
      const down = times(token, p.down!);
      latent[b]!.push(normed(down.slice(0, d.R), p.latentNorm, c.epsilon));
      shared[b]!.push(turned(down.slice(d.R), t));
      const hidden = p.queryDown ? normed(times(token, p.queryDown), p.queryNorm, c.epsilon) : token;
      const query = times(hidden, p.query!);
      const heads = range(d.H).map((h) => {
        const q = query.slice(h * (N + P), (h + 1) * (N + P));
        const rotated = turned(q.slice(N), t);
        const weights = latent[b]!.map((row, j) =>
          Math.exp(scale * (dot(q.slice(0, N), times(row, p.keyUp![h]!)) + dot(rotated, shared[b]![j]!))),
        );
        const values = latent[b]!.map((row) => times(row, p.valueUp![h]!));
        return range(d.V).map((i) => sum(values.map((v, j) => weights[j]! * v[i]!)) / sum(weights));
      });
      return times(heads.flat(), p.out!);
    }),
  );
  return { y, s: { latent, ...(P > 0 && { rotated: shared }) } };
}

mixerSuite(mla, {
  configs: [
    { heads: 2, latent: 6, rotarySize: 4 },
    { heads: 2, latent: 5, queryLatent: 7, plainSize: 3, rotarySize: 2, valueSize: 4, scale: 0.4 },
    { heads: 4, latent: 6, rotarySize: 0, latentNorm: false },
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
