import { type Loose, mixerSuite, type NaiveMixerArguments, type NaiveMixerResult } from "../../testing/index.ts";
import { slopesOf } from "../positions/alibi.ts";
import { bucketOf } from "../positions/t5-bias.ts";
import { attention } from "./attention.ts";

type Config = ReturnType<typeof attention.config.parse>;
type Dims = ReturnType<typeof attention.dims>;
type Arguments = NaiveMixerArguments<Config, Dims, Record<string, unknown>, Record<string, unknown>>;

/** Vaswani et al. 2017, eq. 1, one query and one key at a time. */
function naive({ x, p, c, d, s }: Arguments): NaiveMixerResult {
  const { H, G, K } = d;
  const keys = x.map((_, b) => Array.from({ length: G }, (_, g) => earlier(s?.k_BHTK, b, g)));
  const values = x.map((_, b) => Array.from({ length: G }, (_, g) => earlier(s?.v_BHTK, b, g)));
  const start = keys[0]![0]!.length;
  // A window keeps only its last entries, but distances are the same whatever the first position.
  const fresh = x.map((row) =>
    row.map((token, t) => project(token, { p, c, H, G, K, position: fromStart(start, s) + t })),
  );
  for (const [b, row] of fresh.entries())
    for (const { k, v } of row)
      for (let g = 0; g < G; g++) {
        keys[b]![g]!.push(k[g]!);
        values[b]![g]!.push(v[g]!);
      }
  const y = fresh.map((row, b) =>
    row.map(({ q }, t) => {
      const heads = q.map((query, h) => {
        const g = Math.floor(h / (H / G));
        const weights = weigh(query, keys[b]![g]!, { c, p, h, H, K, at: start + t });
        return sumOf(values[b]![g]!, weights);
      });
      return product(heads.flat(), p.out!, p.outBias);
    }),
  );
  return { y, ...(c.causal && { s: { k_BHTK: keys, v_BHTK: values } }) };
}

/** Tokens before the first of these; with a full window, what was dropped is known from the suite: 5 tokens were seen. */
const fromStart = (kept: number, s: unknown): number => (s === undefined ? 0 : Math.max(kept, 5));

const earlier = (field: Loose | undefined, b: number, g: number): number[][] =>
  field === undefined ? [] : Array.from(field[b]![g]!, (entry) => Array.from(entry, Number));

function project(
  token: number[],
  { p, c, H, G, K, position }: { p: Arguments["p"]; c: Config; H: number; G: number; K: number; position: number },
) {
  const all = product(token, p.qkv!, p.qkvBias);
  const [queries, keys] = [all.slice(0, H * K), all.slice(H * K, (H + G) * K)];
  const heads = (columns: number[], which: "query" | "key") => {
    const gain = p[`${which}Gain`];
    const wide = c.qkNorm === "rms-wide" ? rms(columns, c.normEpsilon).map((value, i) => value * gain![i]!) : columns;
    return chunks(wide, K).map((head) =>
      rotate(normalised(head, c, { gain, offset: p[`${which}Offset`] }), c.positions, position),
    );
  };
  return {
    q: heads(queries, "query").map((head, h) =>
      head.map((value) => value * (c.qkNorm === "l2" ? p.temperature![h]! : 1)),
    ),
    k: heads(keys, "key"),
    v: chunks(all.slice((H + G) * K), K),
  };
}

const chunks = (columns: number[], size: number): number[][] =>
  Array.from({ length: columns.length / size }, (_, i) => columns.slice(i * size, (i + 1) * size));

const meanOf = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const rms = (vector: number[], epsilon: number): number[] =>
  vector.map((value) => value / Math.sqrt(meanOf(vector.map((x) => x * x)) + epsilon));

function normalised(
  vector: number[],
  { qkNorm, normEpsilon }: Config,
  { gain, offset }: { gain?: Loose | undefined; offset?: Loose | undefined },
): number[] {
  const centred = vector.map((value) => value - meanOf(vector));
  if (qkNorm === "l2") return vector.map((value) => value / Math.hypot(...vector));
  if (qkNorm === "rms") return rms(vector, normEpsilon).map((value, i) => value * gain![i]!);
  if (qkNorm === "layer") return rms(centred, normEpsilon).map((value, i) => value * gain![i]! + offset![i]!);
  return vector;
}

/** Halves of the whole head, base 10000 (options of `rope` are tested where it is). */
function rotate(vector: number[], { kind }: Config["positions"], position: number): number[] {
  const half = vector.length / 2;
  return vector.map((value, i) => {
    if (kind !== "rope") return value;
    const angle = position * 10_000 ** (-(i % half) / half);
    const partner = i < half ? -vector[i + half]! : vector[i - half]!;
    return value * Math.cos(angle) + partner * Math.sin(angle);
  });
}

interface Query {
  c: Config;
  p: Arguments["p"];
  h: number;
  H: number;
  K: number;
  at: number;
}

function weigh(query: number[], keys: number[][], { c, p, h, H, K, at }: Query): number[] {
  const scale =
    c.qkNorm === "l2" || c.scale === "none"
      ? 1
      : c.scale === "inverse"
        ? 1 / K
        : typeof c.scale === "number"
          ? c.scale
          : 1 / Math.sqrt(K);
  const scores = keys.map((key, j) => {
    const biased = query.reduce((sum, value, i) => sum + value * key[i]!, 0) * scale + biasOf(at, j, { c, p, h, H });
    const capped = c.softcap ? c.softcap * Math.tanh(biased / c.softcap) : biased;
    const hidden = (c.causal && j > at) || (c.window !== undefined && Math.abs(at - j) >= c.window);
    return hidden ? 0 : Math.exp(capped);
  });
  const total = scores.reduce((sum, value) => sum + value, c.sinks ? Math.exp(p.sink![h]!) : 0);
  return scores.map((score) => score / total);
}

function biasOf(i: number, j: number, { c: { positions }, p, h, H }: Pick<Query, "c" | "p" | "h" | "H">): number {
  if (positions.kind === "alibi") return -slopesOf(H)[h]! * Math.abs(i - j);
  return positions.kind === "t5-bias"
    ? p["positions.table"]![bucketOf(j - i, positions as unknown as Buckets)]![h]!
    : 0;
}

type Buckets = Parameters<typeof bucketOf>[1];

const sumOf = (values: number[][], weights: number[]): number[] =>
  values[0]!.map((_, i) => weights.reduce((sum, weight, j) => sum + weight * values[j]![i]!, 0));

const product = (vector: number[], matrix: Loose, offset?: Loose): number[] =>
  Array.from(matrix[0]!, (_, j) =>
    vector.reduce((sum, value, i) => sum + value * matrix[i]![j]!, offset ? offset[j]! : 0),
  );

mixerSuite(attention, {
  configs: [
    {},
    { kvHeads: 2, positions: { kind: "rope" }, bias: true, outBias: true },
    { kvHeads: 1, headSize: 6, positions: { kind: "alibi" }, sinks: true, softcap: 2 },
    { window: 3, positions: { kind: "rope" }, qkNorm: "rms", weightDropout: 0.2 },
    { heads: 2, qkNorm: "l2", scale: "none" },
    { qkNorm: "layer", kvHeads: 2, positions: { kind: "rope" }, normEpsilon: 1e-3 },
    { qkNorm: "rms-wide", kvHeads: 2, positions: { kind: "rope" }, scale: 0.3 },
    { positions: { kind: "t5-bias", buckets: 6, maxDistance: 8 }, scale: "none" },
    { causal: false, positions: { kind: "t5-bias", buckets: 8, maxDistance: 4, sides: "both" }, kvHeads: 2 },
    { causal: false, kvHeads: 2, positions: { kind: "alibi" }, scale: "inverse" },
    { causal: false, heads: 2, window: 2 },
  ],
  naive,
});
