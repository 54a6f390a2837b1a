import { describe, expect, it } from "vitest";
import { discoverCases, GoldenCase, goldensMissing, loadAdapters, runCase } from "./index.ts";

const missing = goldensMissing();
const adapterOf = await loadAdapters();
const adapted = (missing ? [] : discoverCases()).filter(({ kind, component }) => adapterOf(kind, component));

describe.skipIf(missing)(`golden cases${missing ? `: ${missing}` : ""}`, () => {
  it("finds cases of what is adapted", () => {
    expect(adapted.length).toBeGreaterThan(600);
  });

  for (const [component, places] of Map.groupBy(adapted, ({ kind, component }) => `${kind}/${component}`))
    it(`${component} agrees`, async ({ skip }) => {
      const results = [];
      for (const place of places)
        results.push(await runCase(new GoldenCase(place), adapterOf(place.kind, place.component)));
      expect(results.filter(({ status }) => status === "disagreed")).toEqual([]);
      const reason = results.every(({ status }) => status === "absent") ? results[0]?.where : undefined;
      if (reason !== undefined) skip(`absent: ${reason}`);
    });
});
