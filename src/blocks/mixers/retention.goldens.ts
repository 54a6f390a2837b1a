/** torchscale's layer. Its forms by steps and by chunks divide scores by other amounts than the parallel one; the norm undoes it but for ε. */
import { concat, constant, type Tensor, zeros } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { columnsOf } from "./mamba-2.goldens.ts";
import { type HeadDivisor, retainDivided, retention } from "./retention.ts";
import { goldenIo } from "./rnn-golden-weights.fixture.ts";

function build(c: GoldenCase): GoldenGraph {
  const x = c.tensor("in.x");
  const D = x.dim(-1);
  const options = {
    heads: c.number("heads"),
    keyRatio: 1,
    valueRatio: c.number("value_dim") / D,
    epsilon: c.number("eps"),
    chunk: c.number("chunk_size", 64),
    gateActivation: c.text("gate") === "gelu" ? "gelu" : "silu",
  };
  const map = (name: string) => columnsOf(c.tensor(`param.${name}_proj.weight`));
  const p = { q: map("q"), k: map("k"), v: map("v"), gate: map("g"), out: map("out") };
  const at = (scoreNorm?: "decay" | "decay-and-sum") => {
    const config = retention.config.parse({ ...options, ...(scoreNorm && { scoreNorm }) });
    return { c: config, d: retention.dims(config, D), p, b: {}, io: goldenIo() };
  };
  const y =
    c.text("form") === "chunk"
      ? retainDivided(x, at(), divisorByChunks(options.chunk))
      : retention.forward(x, { ...at("decay-and-sum"), s: {} }).y;
  return { outputs: { "out.y": y, "out.step": steps(x, at("decay")) } };
}

/**
 * torchscale's divisors by chunks: √n, n = Σ γ^age within the chunk, times the larger of Σ |scores| / √n within the chunk and of
 * the state before it, the greatest sum over keys of its values over n of a whole chunk; neither below 1, both without gradient.
 */
function divisorByChunks(chunk: number): HeadDivisor {
  return ({ q_HKBT, k_HKBT, v_HVBT }) => {
    const [H, K, B, T] = k_HKBT.shape as [number, number, number, number];
    const [weights, roots] = [constantOf([H, T, T], withinChunk(chunk)), constantOf([H, T, 1], rootOf(chunk))];
    const rows = (columns: Tensor) => columns.transpose([2, 0, 3, 1]);
    const scores_BHTS = rows(q_HKBT).matmul(rows(k_HKBT), { transB: true }).mul(weights).div(roots);
    const inner_BHT1 = scores_BHTS.abs().sum(-1, true).maximum(1);
    const k_BHTK = rows(k_HKBT).mul(K ** -0.5);
    const before = Array.from({ length: T / chunk }, (_, i) => {
      const aged = k_BHTK.mul(constantOf([H, T, 1], agedBefore(chunk, i)));
      const S_BHKV = aged.matmul(rows(v_HVBT), { transA: true });
      return S_BHKV.abs().sum(2, true).max(3, true).maximum(1).expand([B, H, chunk, 1]);
    });
    const all_BHT1 = inner_BHT1.maximum(concat(2, before)).mul(roots);
    return all_BHT1.transpose([1, 3, 0, 2]).stopGradient();
  };
}

/** A constant [H, rows, columns] of γ_h and the two places. */
const constantOf = (
  [H, rows, columns]: readonly [number, number, number],
  of: (gamma: number, row: number, column: number) => number,
): Tensor =>
  constant(
    Array.from({ length: H * rows * columns }, (_, i) =>
      of(1 - 2 ** (-5 - Math.floor(i / (rows * columns))), Math.floor(i / columns) % rows, i % columns),
    ),
    [H, rows, columns],
  );

const geometric = (gamma: number, terms: number): number => (1 - gamma ** terms) / (1 - gamma);
const withinChunk = (chunk: number) => (gamma: number, t: number, s: number) =>
  s <= t && Math.floor(s / chunk) === Math.floor(t / chunk) ? gamma ** (t - s) : 0;
const rootOf = (chunk: number) => (gamma: number, t: number) => Math.sqrt(geometric(gamma, (t % chunk) + 1));
/** Decay of token s up to the end of the chunk before this one, over that of a whole chunk. */
const agedBefore = (chunk: number, index: number) => (gamma: number, s: number) =>
  s < index * chunk ? gamma ** (index * chunk - 1 - s) / geometric(gamma, chunk) : 0;

type At = Omit<Parameters<NonNullable<typeof retention.step>>[1], "s">;

function steps(x: Tensor, at: At): Tensor {
  const shapes = retention.state(at.d, at.c);
  let s = { S: zeros([x.dim(0), ...shapes.S]), decays: zeros([x.dim(0), ...shapes.decays!]) };
  const ys = Array.from({ length: x.dim(1) }, (_, t) => {
    const result = retention.step!(x.at(1, t), { ...at, s });
    s = result.s as typeof s;
    return result.y.unsqueeze(1);
  });
  return concat(1, ys);
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "retention_layer", build }];
