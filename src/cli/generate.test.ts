import { afterAll, beforeAll, expect, test } from "vitest";
import { createWorkplace, tinyTraining } from "./cli.fixture.ts";

const place = createWorkplace();
afterAll(() => place.remove());
beforeAll(async () => {
  const { status, stderr } = await place.run(tinyTraining("run"));
  expect(status, stderr).toBe(0);
});

interface Written {
  prompt: string;
  text: string;
  tokens: number;
  seed: number;
  msToFirstToken: number;
  tokensPerS: number;
}

async function write(...options: string[]): Promise<Written> {
  const { status, stdout, stderr } = await place.run([
    "generate",
    "run",
    "--prompt",
    "the whale",
    "--json",
    ...options,
  ]);
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as Written;
}

test("--json holds the shape that other tools read", async () => {
  const written = await write("--tokens", "20", "--seed", "3");
  expect(Object.keys(written).sort()).toEqual(["msToFirstToken", "prompt", "seed", "text", "tokens", "tokensPerS"]);
  expect(written).toMatchObject({ prompt: "the whale", tokens: 20, seed: 3 });
  expect(written.msToFirstToken).toBeGreaterThan(0);
  expect(written.tokensPerS).toBeGreaterThan(0);
});

test("same seed, same text; another seed another; temperature 0 needs none", async () => {
  const [first, again, other] = [await write("--seed", "1"), await write("--seed", "1"), await write("--seed", "2")];
  expect(again.text).toBe(first.text);
  expect(other.text).not.toBe(first.text);
  const cold = [await write("--temperature", "0", "--seed", "1"), await write("--temperature", "0", "--seed", "2")];
  expect(cold[0]!.text).toBe(cold[1]!.text);
  expect((await write("--top-k", "1", "--seed", "5")).text).toBe(cold[0]!.text);
});

test("options of drawing reach the sampler", async () => {
  const written = async (...options: string[]) => (await write("--seed", "5", ...options)).text;
  const plain = await written();
  const changes = [
    ["--min-p", "0.5"],
    ["--typical", "0.2"],
    ["--repetition-penalty", "3"],
    ["--no-repeat-ngram", "1"],
  ];
  for (const options of changes) expect(await written("--tokens", "30", ...options), options[0]).not.toBe(plain);
  expect(await written("--min-p", "1")).toBe(await written("--temperature", "0"));
});

test("--stop ends the text at a token, not before --min-new-tokens", async () => {
  const first = (await write("--temperature", "0", "--tokens", "1")).text;
  const stopped = await write("--temperature", "0", "--stop", first);
  expect(stopped).toMatchObject({ text: "", tokens: 0 });
  const later = await write("--temperature", "0", "--stop", first, "--min-new-tokens", "5", "--tokens", "40");
  expect(later.tokens).toBeGreaterThanOrEqual(5);
  const { status, stderr } = await place.run(["generate", "run", "--min-new-tokens", "5"]);
  expect(status).toBe(2);
  expect(stderr).toMatch(/--min-new-tokens: expected --stop/);
});

test("standard output holds prompt and text, standard error the rate", async () => {
  const { stdout, stderr } = await place.run([
    "generate",
    "run",
    "--prompt",
    "the whale",
    "--tokens",
    "20",
    "--seed",
    "3",
  ]);
  expect(stdout).toBe(`the whale${(await write("--tokens", "20", "--seed", "3")).text}\n`);
  expect(stderr).toMatch(/^20 tokens, the first after [\d.,]+ ms, then [\d.,]+ tokens\/s\n$/);
});

test("an earlier checkpoint writes with its own weights; one that is not there is refused", async () => {
  expect((await write("--step", "40", "--seed", "1")).text).not.toBe((await write("--seed", "1")).text);
  const { status, stderr } = await place.run(["generate", "run", "--step", "7"]);
  expect(status).toBe(1);
  expect(stderr).toMatch(/expected a checkpoint of step 7, got steps 40, 60\. \[E_CHECKPOINT_MISSING\]/);
});

test.each([
  [["--suffix", " the sea"], 1, /expected no text behind the one to be written: .*\[E_SUFFIX\]/],
  [["--denoise-steps", "4"], 1, /expected a model of diffusion for the setting "steps", .*\[E_GENERATE\]/],
  [["--stop", "two tokens"], 2, /--stop: expected one token/],
])("refuses %j before it prints anything", async (options, expected, message) => {
  const { status, stdout, stderr } = await place.run(["generate", "run", "--prompt", "the whale", ...options]);
  expect(stderr).toMatch(message);
  expect({ status, stdout }).toEqual({ status: expected, stdout: "" });
});
