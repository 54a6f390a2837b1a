import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createWorkplace, tinyTraining } from "./cli.fixture.ts";

const place = createWorkplace();
afterAll(() => place.remove());

test("no runs are no failure", async () => {
  const [text, json] = [await place.run(["runs"]), await place.run(["runs", "--json"])];
  expect(text).toMatchObject({ status: 0, stdout: "" });
  expect(text.stderr).toMatch(/No runs in runs/);
  expect(JSON.parse(json.stdout)).toEqual([]);
});

test("a table and JSON list whole and damaged runs", async () => {
  await place.run(tinyTraining("first"));
  mkdirSync(join(place.folder, "runs/broken"), { recursive: true });
  writeFileSync(join(place.folder, "runs/broken/run.json"), "{");
  const [text, json] = [await place.run(["runs"]), await place.run(["runs", "--json"])];
  expect(text.stdout).toMatch(
    /^run +spec +data +steps +tokens .*\nbroken +damaged\nfirst +tiny +text\.txt +60 of 60 +1\.92k +\d\.\d{3} +\d\.\d{3} byte +\d+ \w+ \d{4}/,
  );
  expect(text.stderr).toMatch(/^broken: .*run\.json/);
  const [broken, first] = JSON.parse(json.stdout);
  expect(broken).toMatchObject({ name: "broken", spec: null, problem: expect.stringContaining("run.json") });
  expect(first).toMatchObject({
    name: "first",
    spec: "tiny",
    step: 60,
    steps: 60,
    tokens: 1920,
    bitsPerByteKind: "exact",
    checkpoints: [40, 60],
    problem: null,
  });
});
