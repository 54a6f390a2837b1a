import { expect, test } from "vitest";
import { createNodeEngine, runReference } from "../engine/index.ts";
import { randomStream } from "../ops/index.ts";
import { input, ones } from "../tensor/index.ts";
import { dropout } from "./dropout.ts";

const key = { seed: input("seed", [], "u32"), step: input("step", [], "u32") };
const io = (mode: "train" | "eval", path = "a") => ({
  mode,
  rng: (label: string) => randomStream({ ...key, path: `${path}.${label}` }),
});
const draw = (prob: number, { seed = 1, step = 0, path = "a" } = {}) =>
  runReference([dropout(ones([200, 100]), prob, { io: io("train", path), path })], { seed: [seed], step: [step] })[0]!;

test("the mean is preserved, kept elements are divided by 1 − p, and the share of zeros is p", () => {
  const y = draw(0.3);
  const zeros = y.filter((value) => value === 0).length / y.length;
  expect(Math.abs(zeros - 0.3)).toBeLessThan(0.01);
  expect(Math.abs(y.reduce((sum, value) => sum + value, 0) / y.length - 1)).toBeLessThan(0.02);
  expect(new Set(y.filter((value) => value !== 0))).toEqual(new Set([1 / 0.7]));
});

test("outside training it is the identity", () => {
  const x = ones([3]);
  expect(dropout(x, 0.5, { io: io("eval"), path: "a" })).toBe(x);
});

test("the mask depends on seed, step and path, and on nothing else", () => {
  const base = draw(0.5);
  expect(draw(0.5)).toEqual(base);
  for (const other of [{ seed: 2 }, { step: 1 }, { path: "b" }]) {
    const same = draw(0.5, other).filter((value, i) => value === base[i]).length / base.length;
    expect(Math.abs(same - 0.5)).toBeLessThan(0.02);
  }
});

test("the native engine draws the same bits", async () => {
  const engine = createNodeEngine({ threads: 1 });
  const y = dropout(ones([50, 20]), 0.4, { io: io("train"), path: "a" });
  const executable = await engine.compile({ outputs: { y } });
  const native = (await executable.run({ seed: Uint32Array.of(7), step: Uint32Array.of(9) }))["y"]!;
  await engine.close();
  const reference = runReference([y], { seed: [7], step: [9] })[0]!;
  expect([...native].map((value) => value > 0)).toEqual([...reference].map((value) => value > 0));
});
