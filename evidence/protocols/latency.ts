import { setTimeout as sleep } from "node:timers/promises";
import type { Protocol } from "../../scripts/evidence/protocol.ts";
import { measureLatency, throughputOf } from "../../src/generate/index.ts";

const sleepMs = 10;
const repeats = 25;

/** What a known time is measured as: a sleep of 10 ms, and a rate of it. */
export const protocol: Protocol = {
  name: "latency",
  rows: ["latency-throughput"],
  minutes: 1,
  async run(report) {
    const latency = await measureLatency(() => sleep(sleepMs), { repeats });
    const perS = throughputOf(latency, 1);
    const text = `a sleep of ${sleepMs} ms is measured as ${latency.medianMs.toFixed(2)} ms (median of ${latency.n}, spread ${latency.spreadMs.toFixed(2)} ms), ${perS.toFixed(1)} a second`;
    report(text);
    const holds = Math.abs(latency.medianMs / sleepMs - 1) <= 0.2;
    return { seeds: [0], claims: [{ row: "latency-throughput", holds, text }], figures: { sleepMs, perS, ...latency } };
  },
};
