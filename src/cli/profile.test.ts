import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createWorkplace } from "./cli.fixture.ts";

const place = createWorkplace();
afterAll(() => place.remove());

const small = ["--batch", "1", "--length", "8", "--steps", "2", "--vocab", "32", "--threads", "1"];

test("seqlab profile writes a page and prints a line a block", async () => {
  const { status, stdout, stderr } = await place.run(["profile", "tiny.json", ...small]);
  expect(status, stderr).toBe(0);
  expect(stdout).toMatch(/^products .* GFLOP\/s, .* of the peak/m);
  for (const block of ["embedding", "layers.0", "head"]) expect(stdout).toMatch(new RegExp(`^${block} +[\\d.]+ `, "m"));
  expect(readFileSync(join(place.folder, "seqlab-profile.html"), "utf8")).toContain("a training step on 1 × 8 tokens");
});

test("--json holds the shape that other tools read; --decode times one token", async () => {
  const { stdout } = await place.run(["profile", "tiny.json", ...small, "--decode", "--json", "--report", "p.html"]);
  const found = JSON.parse(stdout);
  expect(Object.keys(found)).toEqual([
    ...["model", "task", "threads", "stepMs", "ms", "graphMs", "kernelMs", "peak", "products", "blocks"],
    ...["parts", "ops", "kernels"],
  ]);
  expect(found).toMatchObject({ task: { kind: "decode", batch: 1, length: 8 }, threads: 1, stepMs: { n: 2 } });
  expect(Object.keys(found.kernels[0])).toEqual([
    ...["name", "op", "path", "pass", "inputs", "outputs", "ms", "share", "calls", "bytes", "flops", "gflops"],
  ]);
  expect(readFileSync(join(place.folder, "p.html"), "utf8")).toContain("decoding a token");
});

test.each([
  [["--steps", "0"], /--steps: expected a whole number from 1/],
  [["--report", "no/such/page.html"], /E_REPORT/],
])("refuses %j", async (options, message) => {
  const { status, stderr } = await place.run(["profile", "tiny.json", ...options]);
  expect(status).not.toBe(0);
  expect(stderr).toMatch(message);
});
