import type { Absent, Computed, GoldenAdapter, GoldenCase } from "../../testing/goldens/index.ts";
import { ancestral, rememberLast } from "./ancestral.ts";
import { guide, type Predict } from "./denoise.ts";
import { absorbingStep, likeliestStep, type ReverseStep } from "./reverse-steps.ts";

/** The stored look-up model over the rows of a batch behind one another: neighbours beyond a row's ends count as token 0. */
export function batchLookUp(c: GoldenCase, classes: number): Predict {
  const [base, left, right, L] = [c.values("in.base"), c.values("in.left"), c.values("in.right"), c.number("L")];
  return (ids) =>
    Array.from(ids, (id, at) => {
      const place = at % L;
      const before = place === 0 ? 0 : ids[at - 1]!;
      const behind = place === L - 1 ? 0 : ids[at + 1]!;
      return Array.from(
        { length: classes },
        (_, k) =>
          base[(place * classes + id) * classes + k]! + left[before * classes + k]! + right[behind * classes + k]!,
      );
    }).flat();
}

/** Rows of each call, [call][B·L], as [B, call, L]. */
export const byRow = (calls: readonly Int32Array[], rows: number): number[] =>
  Array.from({ length: rows }, (_, row) =>
    calls.flatMap((ids) => Array.from(ids.subarray((row * ids.length) / rows, ((row + 1) * ids.length) / rows))),
  ).flat();

/** Keeps the weights [C] of every place at every step; a place that does not move is certain of its token. */
export function recorder(C: number): { rows: number[][]; of(step: ReverseStep): ReverseStep } {
  const [rows, open]: [number[][], number[]] = [[], []];
  const of = (step: ReverseStep): ReverseStep => ({
    moves(id) {
      const moves = step.moves(id);
      if (moves) open.push(rows.length);
      const certain = Float64Array.from({ length: C }, (_, k) => Number(k === id));
      rows.push(moves ? [] : Array.from(step.weights(certain, id)));
      return moves;
    },
    weights(p, id) {
      const weights = step.weights(p, id);
      rows[open.shift()!] = Array.from(weights);
      return weights;
    },
  });
  return { rows, of };
}

async function sampler(c: GoldenCase): Promise<Computed | Absent> {
  const predictor = c.text("predictor", "ddpm");
  if (predictor === "analytic") return "absent: the analytic sampler by scores";
  const [V, B, L, count] = [c.number("vocab"), c.number("B"), c.number("L"), c.number("steps")];
  const mask = V - 1;
  const cached = predictor === "ddpm_cache";
  // The source's times end before 0; log-linear noise masks less than t, but in the form with a cache.
  const times = Array.from({ length: count + 1 }, (_, i) => 1 - (i / count) * (1 - 1e-5));
  const share = (t: number) => (cached ? t : (1 - 1e-3) * t);
  const steps = times.slice(1).map((to, i) => absorbingStep({ mask, from: share(times[i]!), to: share(to) }));
  const calls: Int32Array[] = [];
  const lookUp = batchLookUp(c, V);
  const asked: Predict = async (ids, range) => {
    calls.push(ids.slice());
    const scores = Float64Array.from(await lookUp(ids, range));
    for (let at = mask; at < scores.length; at += V) scores[at] = Number.NEGATIVE_INFINITY;
    return scores;
  };
  const ids = new Int32Array(B * L).fill(mask);
  const uniforms = c.values("in.uniform");
  const record = recorder(V);
  const options = { vocabulary: V, start: 0, block: B * L, temperature: 1 };
  const predict = cached ? rememberLast(asked) : asked;
  const at = (step: number, place: number) => (step * B * L + place) * V;
  const noise = {
    candidates: (step: number, place: number) => uniforms.subarray(at(step, place), at(step, place) + V),
  };
  for await (const _ of ancestral(ids, predict, { ...options, steps: steps.map(record.of), noise }));
  // The source asks once more at the end, also about a text without masks, of which nobody asks here.
  if (!ids.includes(mask)) calls.push(ids.slice());
  const last = [likeliestStep((id) => id === mask)];
  const still = { candidates: () => new Float64Array(V) };
  for await (const _ of ancestral(ids, asked, { ...options, steps: last, noise: still }));
  return { "out.x": ids, "out.calls": byRow(calls, B), "out.probs": record.rows.flat() };
}

function guidance(c: GoldenCase): Computed | Absent {
  const {
    guidance_scale: scale,
    use_original_formulation: original,
    guidance_rescale: rescale,
  } = c.config["kwargs"] as { guidance_scale: number; use_original_formulation?: boolean; guidance_rescale?: number };
  if (rescale !== undefined) return "absent: rescaling to the conditional's deviation";
  const [cond, uncond] = [c.values("in.cond"), c.values("in.uncond")];
  return { "out.pred": guide(Float64Array.from(cond), uncond, original ? scale : scale - 1) };
}

export const adapters: GoldenAdapter[] = [
  { kind: "diffusion", component: "mdlm-sampler", compute: sampler },
  { kind: "diffusion", component: "guidance", compute: guidance },
];
