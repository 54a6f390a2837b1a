import { appendFileSync, existsSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createWorkplace, tinyTraining } from "./cli.fixture.ts";

const place = createWorkplace();
afterAll(() => place.remove());
beforeAll(async () => {
  const { status, stderr } = await place.run(tinyTraining("run"));
  expect(status, stderr).toBe(0);
}, 60_000);

const inspect = (...options: string[]) => place.run(["inspect", "run", ...options]);
const report = (name = "seqlab-inspect.html") => join(place.folder, name);

describe("seqlab inspect", () => {
  test("writes a page and prints a line a layer", async () => {
    const { status, stdout, stderr } = await inspect("--text", "the whale sleeps");
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/^16 tokens, [\d.]+ nats per token \(perplexity [\d.]+\)$/m);
    expect(stdout).toMatch(/^layers\.0 +[\d.]+/m);
    expect(stdout).toContain(report());
    expect(stdout).toMatch(
      /^overfitting gap {2}-?[\d.]+ bits per byte: validation [\d.]+ less training [\d.]+, 64 windows each$/m,
    );
    expect(readFileSync(report(), "utf8")).toContain("Recurrent states");
  });

  test("--json holds the shape that other tools read", async () => {
    const { stdout } = await inspect("--text", "the whale", "--tensor", "layers.0.stream", "--json");
    const found = JSON.parse(stdout);
    expect(Object.keys(found)).toEqual([
      ...["run", "weights", "notes", "model", "tokens", "source", "loss", "lens", "attention", "gradients", "gates"],
      ...["streams", "writes", "tensors", "alignment", "states", "fit"],
    ]);
    expect(found).toMatchObject({ run: "run", weights: "the newest checkpoint", source: null, alignment: null });
    expect(found.tokens.map(({ text }: { text: string }) => text).join("")).toBe("the whale");
    expect(found.tensors).toMatchObject([{ name: "layers.0.stream", shape: [1, 9, 16] }]);
    expect(found.lens).toHaveLength(2);
    const { gap } = found.fit;
    expect(gap).toEqual({ ...gap, bitsPerByte: gap.validation - gap.training, windows: 64 });
    for (const bits of [gap.validation, gap.training]) expect(bits).toBeGreaterThan(0);
    expect(found.states[0].norms).toHaveLength(9);
  });

  test("a longer text is cut, and says so; so does one beyond the training length", async () => {
    const { stdout } = await inspect("--text", "the whale and the sea, a ship", "--tokens", "20");
    expect(stdout).toMatch(/The text has 29 tokens; only the first 20 were read/);
    expect(stdout).toMatch(/was trained on 16 tokens at a time/);
  });

  test("--ids reads numbers; --list-tensors names what can be fetched and writes no page", async () => {
    const { stdout } = await inspect("--ids", "97 98, 99", "--json");
    expect(JSON.parse(stdout).tokens.map(({ text }: { text: string }) => text)).toEqual(["a", "b", "c"]);
    rmSync(report());
    const listed = await inspect("--text", "the whale", "--list-tensors");
    expect(listed.stdout).toMatch(/^layers\.0\.stream\t1 × 9 × 16$/m);
    expect(listed.stdout).toMatch(/^layers\.0\.mixer\/scan\.0\/sigmoid\.0\t/m);
    expect(existsSync(report())).toBe(false);
  });

  test.each([
    [["--text", "t"], 1, /expected a text with a token to predict, got 1 token/],
    [[], 2, /--text: expected a text to read/],
    [["--text", "two", "--target", "x"], 2, /--target: expected a run whose model has an encoder/],
    [["--text", "two", "--tensor", "layers.9/none"], 1, /E_INSPECT_TENSOR/],
    [["--text", "two", "--step", "7"], 1, /step/],
    [["--text", "two", "--report", "no/such/folder.html"], 1, /E_REPORT/],
    [["--text", "two", "--report", "runs"], 1, /--report runs: expected the name of a file, got a folder\. .*E_REPORT/],
    [["--ids", "1 9999"], 2, /--ids: expected a whole number from 0 to 255/],
  ])("refuses %j", async (options, expected, message) => {
    const { status, stderr } = await inspect(...options);
    expect(stderr).toMatch(message);
    expect(status).toBe(expected);
  });

  test("a run whose text has changed is shown without the gap, and says why", async () => {
    const text = join(place.folder, "text.txt");
    appendFileSync(text, "!");
    const { stdout } = await inspect("--text", "the whale", "--json");
    expect(JSON.parse(stdout).fit).not.toHaveProperty("gap");
    expect(JSON.parse(stdout).notes[0]).toMatch(/The gap .* was not measured\. .*text\.txt: expected .*E_DATA_CHANGED/);
    truncateSync(text, statSync(text).size - 1);
  });

  test("a run without checkpoints says so", async () => {
    rmSync(join(place.folder, "runs/run/checkpoints"), { recursive: true });
    const { status, stderr } = await inspect("--text", "the whale");
    expect(status).toBe(1);
    expect(stderr).toMatch(/checkpoint/);
  });
});
