import type { StreamSummary, WriteSummary } from "./results.ts";
import { l2, mean, type Reading, rounded, streamPaths, type Trace } from "./trace.ts";

/** Norms and outliers of the residual stream; activations far above the median are "massive" (Sun et al. 2024, arXiv 2402.17762). */
export function streamSummaries({ result }: Trace): Reading<StreamSummary[]> {
  const paths = [...streamPaths(result, "encoder."), ...streamPaths(result)];
  return {
    outputs: Object.fromEntries(paths.map((path) => [path, result.probes[path]!])),
    read: (values) =>
      paths.map((path) => summarise(path, { values: values[path]!, width: result.probes[path]!.dim(-1) })),
  };
}

function summarise(path: string, { values, width }: { values: ArrayLike<number>; width: number }): StreamSummary {
  const sizes = Float64Array.from(values, Math.abs);
  const place = sizes.indexOf(sizes.reduce((most, size) => Math.max(most, size), 0));
  const norms = Array.from({ length: sizes.length / width }, (_, t) =>
    rounded(l2(sizes.subarray(t * width, (t + 1) * width))),
  );
  return {
    path,
    norms,
    largest: { value: rounded(sizes[place]!), token: Math.floor(place / width), feature: place % width },
    median: rounded(sizes.toSorted()[Math.floor(sizes.length / 2)]!),
    cosine: meanCosine(values, width),
  };
}

/** Of all pairs of tokens, from the length of the sum of their directions: (‖Σ u_t‖² − T) / (T² − T). */
function meanCosine(values: ArrayLike<number>, width: number): number | null {
  const T = values.length / width;
  if (T < 2) return null;
  const sum = new Float64Array(width);
  for (let t = 0; t < T; t++) {
    const row = Array.from({ length: width }, (_, d) => values[t * width + d]!);
    const norm = l2(row);
    for (const [d, value] of row.entries()) sum[d]! += norm === 0 ? 0 : value / norm;
  }
  return rounded((l2(sum) ** 2 - T) / (T * T - T));
}

/** How much every sublayer changes the stream (Sonkar & Baraniuk 2023, arXiv 2305.13297, section 4), where it keeps its shape. */
export function writeSummaries({ result: { probes } }: Trace): Reading<WriteSummary[]> {
  const found = Object.keys(probes).flatMap((name) => {
    const path = name.replace(/\.entered$/, "");
    const [entered, left] = [probes[`${path}.entered`], probes[`${path}.left`]];
    if (path === name || !entered || !left || entered.shape.join() !== left.shape.join()) return [];
    const sizes = left.sub(entered).square().sum(-1).sqrt();
    return [{ path, ratios: sizes.div(entered.square().sum(-1).sqrt().maximum(1e-20)) }];
  });
  return {
    outputs: Object.fromEntries(found.map(({ path, ratios }) => [`written:${path}`, ratios])),
    read: (values) => found.map(({ path }) => ({ path, ratio: rounded(mean(Array.from(values[`written:${path}`]!))) })),
  };
}
