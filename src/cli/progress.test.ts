import { expect, test } from "vitest";
import { createProgress, describeProgress } from "./progress.ts";

function stage(terminal: { isTTY: boolean; columns?: number }) {
  const written: string[] = [];
  let ms = 0;
  const progress = createProgress({ stream: { ...terminal, write: (text) => written.push(text) }, now: () => ms });
  return {
    written,
    progress,
    wait: (more: number) => {
      ms += more;
    },
  };
}

const state = {
  label: "llama seed 1",
  done: 12_288,
  total: 65_536,
  unit: "tokens",
  rate: 8120.4,
  loss: 4.2137,
  remainingSeconds: 6.2,
};

test("a state reads as a sentence, without what is not known", () => {
  expect(describeProgress(state)).toBe(
    "llama seed 1: 12,288 of 65,536 tokens (18 %), 8,120 tokens/s, loss 4.21, 7 s left",
  );
  expect(describeProgress({ label: "writing", remainingSeconds: 90 })).toBe("writing: 1 min 30 s left");
});

test("a terminal has one line, rewritten at most ten times a second, within its width, and cleared in the end", () => {
  const { written, progress, wait } = stage({ isTTY: true, columns: 30 });
  for (let i = 0; i < 10; i++) {
    progress.update(state);
    wait(20);
  }
  expect(written).toEqual(Array.from({ length: 2 }, () => "\r\u001b[2Kllama seed 1: 12,288 of 65,53"));
  progress.note("a line that stays");
  progress.end();
  expect(written.slice(2)).toEqual(["\r\u001b[2K", "a line that stays\n"]);
});

test("elsewhere plain lines come every ten seconds, more seldom as time goes on, without control characters", () => {
  const { written, progress, wait } = stage({ isTTY: false });
  const hour = 3_600_000;
  for (let ms = 0; ms < hour; ms += 1000) {
    progress.update(state);
    wait(1000);
  }
  progress.end();
  expect(written[0]).toBe(`${describeProgress(state)}\n`);
  expect(written.length).toBeGreaterThan(40);
  expect(written.length).toBeLessThan(100);
  expect(written.join("")).not.toContain("\u001b");
});
