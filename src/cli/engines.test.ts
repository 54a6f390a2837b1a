import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createWorkplace, tinyTraining } from "./cli.fixture.ts";

const place = createWorkplace();
afterAll(() => place.remove());

const short = { steps: 3, "checkpoint-every": 3, "evaluate-every": 5 };

function losses(name: string): number[] {
  const lines = readFileSync(join(place.folder, "runs", name, "metrics.jsonl"), "utf8")
    .trimEnd()
    .split("\n");
  return lines.flatMap((line) => (JSON.parse(line) as { loss?: number }).loss ?? []);
}

test("--engine web trains to the losses of node, and either engine writes with what the other has trained", async () => {
  for (const engine of ["node", "web"]) {
    const { status, stderr } = await place.run(tinyTraining(engine, { ...short, engine }));
    expect(status, stderr).toBe(0);
  }
  expect(losses("web")).toHaveLength(3);
  losses("web").forEach((loss, i) => void expect(loss).toBeCloseTo(losses("node")[i]!, 4));
  const write = (run: string, ...more: string[]) =>
    place.run(["generate", run, "--prompt", "the", "--tokens", "5", "--temperature", "0", "--json", ...more]);
  const outcomes = [
    await write("web"),
    await write("web", "--engine", "node"),
    await write("web", "--engine", "reference"),
  ];
  const texts = outcomes.map(({ stdout }) => (JSON.parse(stdout) as { text: string }).text);
  expect(texts).toEqual([texts[0], texts[0], texts[0]]);
});

test.skipIf(process.platform !== "linux")(
  "--engine webgpu without a GPU says what is missing and what to write instead",
  async () => {
    const withoutDriver = { VK_ICD_FILENAMES: "/nowhere.json", VK_DRIVER_FILES: "/nowhere.json" };
    const { status, stderr } = await place.run(tinyTraining("gpu", { ...short, engine: "webgpu" }), withoutDriver);
    expect(status).toBe(1);
    expect(stderr).toMatch(/engine webgpu: expected a GPU.*--engine node.*\[E_GPU\]/);
    expect(existsSync(join(place.folder, "runs", "gpu"))).toBe(false);
  },
);

test("an engine that there is not is refused with those there are", async () => {
  const { status, stderr } = await place.run(tinyTraining("other", { engine: "cuda" }));
  expect(status).toBe(2);
  expect(stderr).toMatch(/--engine: expected node or webgpu or web or reference, got "cuda"/);
});
