import { fileURLToPath } from "node:url";
import type { Protocol } from "../../scripts/evidence/protocol.ts";
import { command, outputLines } from "../../scripts/source/command.ts";

const child = fileURLToPath(new URL("../../scripts/evidence/long-step.ts", import.meta.url));
const largestBytes = 2e9;
const settings = { width: 128, heads: 4, threads: 2 };

interface Step {
  length: number;
  /** Of the whole process. */
  peakBytes: number;
  seconds: { compile: number; step: number };
  loss: number;
}

async function stepOver(length: number): Promise<Step> {
  const result = await command(process.execPath, [child, JSON.stringify({ ...settings, length })], {
    limitMs: 1_200_000,
  });
  if (result.status !== 0) throw new Error(`a step over ${length} tokens failed\n${outputLines(result).join("\n")}`);
  return JSON.parse(result.stdout) as Step;
}

/** One training step of one layer of causal attention over 8k, 16k and 32k tokens: peak memory of its process. Fails above 2 GB. */
export const protocol: Protocol = {
  name: "long-context",
  rows: [],
  minutes: 2,
  async run(report) {
    const steps: Step[] = [];
    for (const length of [8192, 16_384, 32_768]) {
      const step = await stepOver(length);
      report(
        `${length} tokens: ${Math.round(step.peakBytes / 1e6)} MB at most, ${step.seconds.step.toFixed(1)} s a step`,
      );
      steps.push(step);
    }
    const most = Math.max(...steps.map(({ peakBytes }) => peakBytes));
    if (most >= largestBytes) throw new Error(`expected less than ${largestBytes} bytes at most, got ${most}`);
    return { seeds: [0], claims: [], figures: { settings, steps: steps.map((step) => ({ ...step })) } };
  },
};
