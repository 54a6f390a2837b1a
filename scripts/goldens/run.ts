import {
  discoverCases,
  GoldenCase,
  type GoldenResult,
  goldensMissing,
  loadAdapters,
  runCase,
} from "../../src/testing/goldens/index.ts";

/** Runs the cases of one kind and component, or all; none where the folder is missing, which is said on stderr. */
export async function runGoldens({
  kind,
  component,
}: {
  kind: string | undefined;
  component: string | undefined;
}): Promise<GoldenResult[]> {
  const missing = goldensMissing();
  if (missing) console.error(missing);
  const adapterOf = await loadAdapters();
  const places = discoverCases().filter(
    (place) =>
      (kind === undefined || place.kind === kind) && (component === undefined || place.component === component),
  );
  const results: GoldenResult[] = [];
  for (const place of places)
    results.push(await runCase(new GoldenCase(place), adapterOf(place.kind, place.component)));
  return results;
}
