import type { StreamSummary } from "./results.ts";
import { l2, type Reading, rounded, streamPaths, type Trace } from "./trace.ts";

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
  };
}
