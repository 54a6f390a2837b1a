import { expect, test } from "vitest";
import { ComparisonClock } from "./comparison-clock.ts";

function start() {
  let ms = 0;
  const clock = new ComparisonClock({ jobs: { trial: 0, train: 4, decode: 2, sample: 2 }, now: () => ms });
  const run = (kind: "train" | "decode" | "sample", seconds: number, reused = false) => {
    clock.start(kind);
    ms += seconds * 1000;
    clock.end({ reused });
  };
  const wait = (seconds: number) => {
    ms += seconds * 1000;
  };
  return { clock, run, wait };
}

test("what remains is jobs times what such jobs took", () => {
  const { clock, run } = start();
  run("train", 10);
  run("train", 20);
  run("decode", 4);
  expect(clock.remainingSeconds()).toBeCloseTo(2 * 15 + 4 + 2 * 1.5);
  run("train", 15);
  run("train", 15);
  run("decode", 4);
  run("sample", 1);
  expect(clock.remainingSeconds()).toBeCloseTo(1);
  run("sample", 1);
  expect(clock.remainingSeconds()).toBe(0);
});

test("a job in progress counts as what its share points to", () => {
  const { clock, run, wait } = start();
  run("train", 10);
  clock.start("train");
  wait(5);
  clock.progress(0.25);
  expect(clock.remainingSeconds()).toBeCloseTo(15 + 2 * 15 + 2 * 7.5 + 2 * 1.5);
});

test("a job that was done before says nothing about time", () => {
  const { clock, run } = start();
  run("train", 0, true);
  run("train", 10);
  expect(clock.remainingSeconds()).toBeCloseTo(2 * 10 + 2 * 5 + 2);
});
