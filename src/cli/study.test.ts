import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createWorkplace, type Workplace } from "./cli.fixture.ts";

let place: Workplace;
beforeAll(() => {
  place = createWorkplace();
  writeFileSync(join(place.folder, "mine.yaml"), study);
});
afterAll(() => place.remove());

const study = `
name: mine
title: "Heads & <tails>"
question: "One head or two?"
spec: { name: mine, width: 16, layers: [{ mixer: { kind: attention, heads: 1 }, channel: { kind: mlp } }] }
training: { steps: 20, batch: 4, length: 16 }
data: { kind: synthetic, task: reversal }
factors: [{ name: heads, path: spec.layers.0.mixer.heads, values: [1, 2] }]
seeds: 1
examples: 16
measures: [accuracy, bits, failed]
claims: [{ kind: lower, text: "Two lose less", measure: bits, of: { heads: "2" }, than: { heads: "1" } }]
figures: [{ title: Loss, x: heads, measure: bits }, { title: Learning, x: step, lines: heads }]
`;

test("a study of one's own runs, is reported, and goes on from what is finished", async () => {
  const first = await place.run(["study", "mine.yaml", "--runs", "studies"]);
  expect(first.stderr).toContain("[2/2] 2, seed 0: loss");
  expect(first).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/heads +accuracy +test loss \(bits\) +failed/),
  });
  expect(first.stdout).toMatch(/of 1 statement hold in the one seed tried/);
  const page = readFileSync(join(place.folder, "studies/mine/report.html"), "utf8");
  expect(page).toContain("Heads &amp; &lt;tails&gt;");
  expect(page.match(/<svg/g)).toHaveLength(4);
  expect(page).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)|NaN/);
  expect(readFileSync(join(place.folder, "studies/mine/table.md"), "utf8")).toMatch(/^\| heads \| accuracy \|/m);

  const again = await place.run(["study", "mine.yaml", "--runs", "studies", "--json"]);
  expect(again.stderr).toContain("2 of them finished before");
  const result = JSON.parse(again.stdout) as { verdicts: unknown[]; cells: { result: { outcome: string } }[] };
  expect(result.cells.map((cell) => cell.result.outcome)).toEqual(["trained", "trained"]);
  expect(result.verdicts).toHaveLength(1);
});

test("without a name the shipped studies are listed", async () => {
  const { status, stdout } = await place.run(["study", "--json"]);
  expect(status).toBe(0);
  const all = JSON.parse(stdout) as { name: string; trainings: number }[];
  expect(all.map(({ name }) => name)).toContain("warmup");
  expect(all.every(({ trainings }) => trainings >= 6)).toBe(true);
  expect(existsSync(join(place.folder, "runs"))).toBe(false);
});

test("an unknown study is refused with the nearest name", async () => {
  const { status, stderr } = await place.run(["study", "warmups"]);
  expect(status).toBe(1);
  expect(stderr).toMatch(/Did you mean "warmup"\?.*E_STUDY_FILE/s);
});
