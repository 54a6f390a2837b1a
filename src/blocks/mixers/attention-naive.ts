/** Attention and its variants one query and one key at a time, as its tests need it: each option as its paper writes it. */
import type { Loose, NaiveMixerArguments, NaiveMixerResult } from "../../testing/index.ts";
import type { attention } from "./attention.ts";
import type { AttentionConfig } from "./attention-config.ts";
import type { AttentionPattern } from "./attention-pattern.ts";
import { cut, dot, range, rms, sigmoid, silu, softplus, sum, times } from "./plain-loops.ts";
import { relativeScore } from "./relative-naive.ts";

type P = Readonly<Record<string, Loose | undefined>>;
type At = NaiveMixerArguments<AttentionConfig, ReturnType<typeof attention.dims>>;
interface Sizes {
  H: number;
  G: number;
  K: number;
  V: number;
}
interface Token {
  x: number[];
  /** By query head. */
  q: number[][];
  /** By key head. */
  k: number[][];
  v: number[][];
}
interface Sequence {
  c: AttentionConfig;
  p: P;
  d: Sizes;
  /** Index of the first of the tokens given. */
  start: number;
  /** Keys and values of cached and new tokens by time, with their indices. */
  keys: { index: number; k: number[][]; v: number[][] }[];
}

/** Tokens that the suite has shown before it starts from a state. */
const warm = 5;

export function naiveAttention({ x, p, c, d, s }: At): NaiveMixerResult {
  const sizes = d as unknown as Sizes;
  const start = s ? warm : 0;
  const sequences = x.map((rows, b) => {
    const old = s ? cached(s as { k_BHTK: Loose; v_BHTK: Loose }, b) : [];
    const first = start - old.length;
    const tokens = rows.map((token, t) => tokenOf(token, { c, p: p as P, d: sizes }, start + t));
    const keys = [...old, ...tokens].map(({ k, v }, j) => ({ index: first + j, k, v }));
    return { tokens, at: { c, p: p as P, d: sizes, start, keys } };
  });
  const y = sequences.map(({ tokens, at }) => attendAll(tokens, at));
  const field = (name: "k" | "v") =>
    sequences.map(({ at }) => range(sizes.G).map((g) => at.keys.map((key) => key[name][g]!)));
  return { y, ...(c.causal && !c.selective && { s: { k_BHTK: field("k"), v_BHTK: field("v") } }) };
}

/** [B][G][tokens][size], as tokens. */
function cached({ k_BHTK, v_BHTK }: { k_BHTK: Loose; v_BHTK: Loose }, b: number) {
  const at = (field: Loose, t: number) => Array.from(field[b]!, (head) => Array.from(head[t]!, Number));
  return range(k_BHTK[b]![0]!.length).map((t) => ({ k: at(k_BHTK, t), v: at(v_BHTK, t) }));
}

type Parts = Pick<Sequence, "c" | "p" | "d">;

function tokenOf(x: number[], { c, p, d }: Parts, position: number): Token {
  const all = times(x, p.qkv!, p.qkvBias).map((t) => Math.max(-(c.clip ?? 1e9), Math.min(c.clip ?? 1e9, t)));
  const split = [d.H * d.K, (d.H + d.G) * d.K] as const;
  const side = (columns: number[], heads: number, which: "query" | "key") =>
    cut(columns, heads).map((head, h) => {
      const norm = (v: number[]) => normed(v, c, p, { which, h });
      const turn = (v: number[]) => placed(v, { c, p, which, g: h, position });
      return c.normAfterPositions ? norm(turn(head)) : turn(norm(head));
    });
  const grown = c.lengthScale
    ? 1 + c.lengthScale.slope * Math.log1p(Math.floor((position + 1) / c.lengthScale.every))
    : 1;
  return {
    x,
    q: side(all.slice(0, split[0]), d.H, "query").map((head) => head.map((value) => value * grown)),
    k: side(all.slice(split[0], split[1]), d.G, "key"),
    v: cut(all.slice(split[1]), d.G).map((head, g) => carriedValue(head, c, p, g)),
  };
}

function normed(v: number[], c: AttentionConfig, p: P, { which, h }: { which: "query" | "key"; h: number }): number[] {
  if (c.qkNorm === "none") return v;
  if (c.qkNorm === "l2") {
    const units = cut(v, c.normGroups ?? 1).flatMap((part) => part.map((x) => x / Math.hypot(...part)));
    return which === "query" ? units.map((x) => x * p.temperature![h]!) : units;
  }
  const mean = c.qkNorm === "layer" ? sum(v) / v.length : 0;
  const gains = p[`${which}Gain`];
  const gain = gains && (c.normGain === "per-head" ? gains[h]![0]! : gains);
  const unit = rms(
    v.map((x) => x - mean),
    c.normEpsilon,
  );
  return unit.map((x, i) => x * (gain?.[i] ?? 1) + (p[`${which}Offset`]?.[i] ?? 0));
}

interface Place {
  c: AttentionConfig;
  p: P;
  which: "query" | "key";
  g: number;
  position: number;
}

/** Rotation in halves, xPos, and PoPE. */
function placed(v: number[], { c: { positions }, p, which, g, position }: Place): number[] {
  const K = v.length;
  if (positions.kind === "pope") {
    const angle = (i: number) =>
      position * 10_000 ** (-i / K) +
      (which === "key" ? Math.min(0, Math.max(-2 * Math.PI, p["positions.phase"]![g]![0]![i]!)) : 0);
    return [...v.map((x, i) => softplus(x) * Math.cos(angle(i))), ...v.map((x, i) => softplus(x) * Math.sin(angle(i)))];
  }
  if (positions.kind !== "rope") return v;
  const half = K / 2;
  const fade = (i: number) =>
    positions.xpos === undefined
      ? 1
      : (((i % half) / half + 0.4) / 1.4) ** (((which === "key" ? -1 : 1) * position) / Number(positions.xpos));
  return v.map((x, i) => {
    const angle = position * 10_000 ** (-(i % half) / half);
    const partner = i < half ? -v[i + half]! : v[i - half]!;
    return fade(i) * (x * Math.cos(angle) + partner * Math.sin(angle));
  });
}

function carriedValue(v: number[], c: AttentionConfig, p: P, g: number): number[] {
  const normedValue = c.valueNorm ? rms(v, c.normEpsilon).map((x, i) => x * p.valueGain![g]![0]![i]!) : v;
  return c.laser === undefined ? normedValue : normedValue.map((x) => Math.exp(c.laser! * Math.tanh(x / c.laser!)));
}

function attendAll(tokens: Token[], at: Sequence): number[][] {
  const { c, p, d } = at;
  const forgotten = at.keys.map(() => 0);
  return tokens.map((token, t) => {
    const beside = besideKeys(at);
    const all = [...at.keys, ...beside];
    const bare = scoresOf(token, at.start + t, all, at);
    const hidden = all.map((key, j) => j < at.keys.length && !sees(at.start + t, key.index, c));
    const masked = bare.map((row) => row.map((score, j) => (hidden[j] ? Number.NEGATIVE_INFINITY : score)));
    const refined = refine(masked, { token, at, forgotten });
    if (c.selective) forget(forgotten, masked[0]!, at.keys, at.start + t);
    const weights = talked(
      refined.map((row, h) => weightsOf(row, c, p.sink?.[h])),
      { bare, masked },
      at,
    );
    const heads = weights.map((row, h) => {
      const y = range(d.V).map((i) => sum(row.map((w, j) => (w === 0 ? 0 : w * all[j]!.v[groupOf(h, d)]![i]!))));
      const plain = c.laser === undefined ? y : y.map(Math.log);
      return plain.map((value) => value * (p.headScale?.[h] ?? 1));
    });
    return projected(heads, token.x, at);
  });
}

const groupOf = (h: number, { H, G }: Sizes): number => Math.floor(h / (H / G));

function besideKeys({ c, p, d }: Sequence): Sequence["keys"] {
  const learned = range(c.memory ?? 0).map((m) => ({
    index: -1,
    k: range(d.G).map((g) => Array.from(p.memoryKeys![g]![m]!, Number)),
    v: range(d.G).map((g) => Array.from(p.memoryValues![g]![m]!, Number)),
  }));
  const none = (size: number) => range(d.G).map(() => new Array<number>(size).fill(0));
  return c.zeroKey ? [...learned, { index: -1, k: none(2 * d.K), v: none(d.V) }] : learned;
}

function sees(i: number, j: number, c: AttentionConfig): boolean {
  if (c.causal && j > i) return false;
  if (c.window !== undefined && Math.abs(i - j) >= c.window) return false;
  return c.pattern === undefined || inPattern(i, j, c.pattern);
}

function inPattern(i: number, j: number, pattern: AttentionPattern): boolean {
  const apart = Math.abs(i - j);
  switch (pattern.kind) {
    case "chunk": {
      const chunks = Math.floor(i / pattern.size) - Math.floor(j / pattern.size);
      return chunks <= pattern.back && -chunks <= pattern.ahead;
    }
    case "strided":
      return apart < pattern.stride || apart % pattern.stride === 0;
    case "fixed":
      return (
        Math.floor(i / pattern.stride) === Math.floor(j / pattern.stride) ||
        j % pattern.stride >= pattern.stride - pattern.summary
      );
    case "dilated":
      return apart % pattern.dilation === 0 && apart < pattern.keys * pattern.dilation;
  }
}

/** [H][keys], hidden ones included. */
function scoresOf(token: Token, i: number, all: Sequence["keys"], at: Sequence): number[][] {
  const { c, p, d } = at;
  const scale = c.qkNorm === "l2" || c.scale === "none" ? 1 : typeof c.scale === "number" ? c.scale : d.K ** -0.5;
  const raw = token.q.map((q, h) => all.map(({ k }) => score(q, k[groupOf(h, d)]!, { c, p, h, scale })));
  const mixed = raw.map((row, h) =>
    row.map((value, j) => {
      if (!p.talkBefore) return value;
      const offset = p.talkBeforeBias?.[h] ?? 0;
      return value + offset + sum(raw.map((other, g) => other[j]! * p.talkBefore![g]![h]!));
    }),
  );
  return mixed.map((row, h) =>
    row.map((value, j) => (j < at.keys.length ? value + biasOf(token, i, { key: all[j]!, h, at }) : value)),
  );
}

function score(
  q: number[],
  k: number[],
  { c, p, h, scale }: { c: AttentionConfig; p: P; h: number; scale: number },
): number {
  switch (c.score) {
    case "bilinear":
      return scale * dot(times(q, p.between![h]!), k);
    case "additive": {
      const [asked, offered] = p.scoreQueries
        ? [times(q, p.scoreQueries[h]! as never), times(k, p.scoreKeys![h]! as never)]
        : [q, k];
      return sum(asked.map((x, i) => p.score![h]![i]! * Math.tanh(x + offered[i]!)));
    }
    case "distance":
      return -scale * sum(q.map((x, i) => (x - k[i]!) ** 2));
    default:
      return scale * dot(q, k);
  }
}

function biasOf(
  token: Token,
  i: number,
  { key, h, at: { c, p, d } }: { key: Sequence["keys"][number]; h: number; at: Sequence },
): number {
  if (c.dynamicMask !== undefined) return keyBias(key.v, p, groupOf(h, d));
  const { kind, basis, maxDistance } = c.positions as { kind: string; basis: number; maxDistance: number };
  const apart = i - key.index;
  const between = { q: token.q[h]!, k: key.k[groupOf(h, d)]!, apart, h, heads: d.H, p };
  const relative = relativeScore(c.positions, between);
  if (relative !== undefined) return (typeof c.scale === "number" ? c.scale : d.K ** -0.5) * relative;
  if (kind !== "projected-bias" || apart < 0 || apart >= maxDistance) return 0;
  const mix = cut(times(token.x, p["positions.weights"]!, p["positions.weightsBias"]), d.H)[h]!;
  return sum(range(basis).map((m) => mix[m]! * p["positions.curves"]![m]![apart]!));
}

const keyBias = (v: number[][], p: P, g: number): number =>
  Math.exp(p.valueBiasScale![g]! * softplus(times(v.flat(), p.valueBias!)[g]!));

interface Refined {
  token: Token;
  at: Sequence;
  forgotten: number[];
}

function refine(masked: number[][], { token, at, forgotten }: Refined): number[][] {
  const { c, p, d } = at;
  if (c.contextualPositions !== undefined)
    return masked.map((row, h) =>
      row.map((value, j) => {
        const open = row.slice(j).map((other) => (other === Number.NEGATIVE_INFINITY ? 0 : sigmoid(other)));
        const position = Math.min(sum(open), c.contextualPositions! - 1);
        const [low, share] = [Math.floor(position), position % 1];
        const at = (n: number) => dot(token.q[h]!, p.contextual![Math.min(n, c.contextualPositions! - 1)]!);
        return value + (1 - share) * at(low) + share * at(low + 1);
      }),
    );
  if (c.selective) return masked.map((row) => row.map((value, j) => value - forgotten[j]!));
  if (c.dynamicMask === undefined) return masked;
  return masked.map((row, h) => {
    const biases = row.map((value, j) =>
      value === Number.NEGATIVE_INFINITY ? value : keyBias(at.keys[j]!.v, p, groupOf(h, d)),
    );
    return keepBest(row, biases, c.dynamicMask!);
  });
}

/** What a token says against earlier ones, all but the first. */
function forget(forgotten: number[], row: number[], keys: Sequence["keys"], i: number): void {
  for (const [j, value] of row.entries())
    if (keys[j]!.index !== 0 && keys[j]!.index !== i) forgotten[j]! += Math.max(0, value);
}

function keepBest(row: number[], rank: number[], k: number): number[] {
  const least = [...rank].sort((a, b) => b - a)[k - 1] ?? Number.NEGATIVE_INFINITY;
  return row.map((value, j) => (rank[j]! >= least ? value : Number.NEGATIVE_INFINITY));
}

function weightsOf(row: number[], c: AttentionConfig, sink: number | undefined): number[] {
  const kept = c.topK === undefined ? row : keepBest(row, row, c.topK);
  const shares = (values: number[], rest = 0) => {
    const all = values.map(Math.exp);
    return all.map((value) => value / (sum(all) + rest));
  };
  switch (c.weights) {
    case "sigmoid":
      return kept.map(sigmoid);
    case "signed":
      return shares(kept.map((value) => (value === Number.NEGATIVE_INFINITY ? value : Math.abs(value)))).map(
        (weight, j) => weight * Math.sign(kept[j]!),
      );
    case "stick-breaking":
      return kept.map((value, j) =>
        kept.slice(j + 1).reduce((left, other) => left * (1 - sigmoid(other)), sigmoid(value)),
      );
    case "hard":
      return kept.map((value, j) =>
        j === kept.indexOf(Math.max(...kept)) && value > Number.NEGATIVE_INFINITY ? 1 : 0,
      );
    default:
      return shares(kept, sink === undefined ? 0 : Math.exp(sink));
  }
}

function talked(
  weights: number[][],
  { bare, masked }: { bare: number[][]; masked: number[][] },
  { p }: Sequence,
): number[][] {
  const mix = (rows: number[][], matrix: Loose, h: number, j: number) =>
    sum(rows.map((row, g) => row[j]! * matrix[g]![h]!));
  if (p.talkGate) return weights.map((row, h) => row.map((w, j) => w * mix(bare, p.talkGate!, h, j)));
  if (!p.talkAfter) return weights;
  const seen = (h: number, j: number) => masked[h]![j]! > Number.NEGATIVE_INFINITY;
  return weights.map((row, h) =>
    row.map((_, j) => (seen(h, j) ? mix(weights, p.talkAfter!, h, j) + (p.talkAfterBias?.[h] ?? 0) : 0)),
  );
}

function projected(heads: number[][], x: number[], { c, p }: Sequence): number[] {
  const activate = c.gateActivation === "silu" ? silu : sigmoid;
  const byHead = c.gate === "head" ? times(x, p.gate!, p.gateBias).map(activate) : undefined;
  const merged = heads.flatMap((head, h) => head.map((value) => value * (byHead?.[h] ?? 1)));
  const byFeature =
    c.gate === "feature" || c.gate === "output"
      ? times(c.gate === "output" ? merged : x, p.gate!).map(activate)
      : undefined;
  const y = times(
    merged.map((value, i) => value * (byFeature?.[i] ?? 1)),
    p.out!,
    p.outBias,
  );
  const [values, gates] = cut(y, 2) as [number[], number[]];
  return c.outGate ? values.map((value, i) => value * sigmoid(gates[i]!)) : y;
}
