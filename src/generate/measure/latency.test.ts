import { expect, test } from "vitest";
import { measureLatency, throughputOf } from "./latency.ts";

/** Work that takes given times by a clock that it moves itself: the first ones are those of the warm-up. */
function clocked(times: readonly number[]) {
  let [now, calls] = [1000, 0];
  return {
    clock: () => now,
    calls: () => calls,
    work: async () => {
      now += times[calls++]!;
    },
  };
}

test("[latency-throughput] median and spread of the repeats behind the warm-up, whatever the warm-up took", async () => {
  const five = clocked([900, 500, 12, 9, 30, 10, 11]);
  expect(await measureLatency(five.work, five)).toEqual({ medianMs: 11, spreadMs: 21, n: 5 });
  expect(five.calls()).toBe(7);
  const six = clocked([4, 8, 1, 2, 3, 100]);
  const latency = await measureLatency(six.work, { ...six, warmup: 0, repeats: 6 });
  expect(latency).toEqual({ medianMs: 3.5, spreadMs: 99, n: 6 });
  expect(throughputOf(latency, 7)).toBe(2000);
});

test("fewer than five repeats are refused before any work", async () => {
  const work = clocked([1]);
  for (const repeats of [4, 0, 5.5, Number.NaN])
    await expect(measureLatency(work.work, { repeats })).rejects.toThrow(
      `repeats: expected a whole number from 5, got ${repeats}. [E_MEASURE]`,
    );
  expect(work.calls()).toBe(0);
});
