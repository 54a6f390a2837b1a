import { fileURLToPath } from "node:url";
import type { Json, Protocol } from "../../scripts/evidence/protocol.ts";
import { command, outputLines } from "../../scripts/source/command.ts";

const child = fileURLToPath(new URL("../../scripts/evidence/many-steps.ts", import.meta.url));
const [steps, every] = [10_000, 250];
/**
 * With room to spare V8 lets garbage of the engine's thread lie for some 20,000 steps, up to 15 MB of it, before it collects it
 * (40,000 steps: 256 MB after 2,000, 270 after 20,000, 253 after 22,000, 262 in the end). In a small heap what grows is held.
 */
const smallHeap = ["--expose-gc", "--max-semi-space-size=1", "--max-old-space-size=80"];
/** Growth over all steps behind the first quarter, in which the heap finds its size. */
const largestGrowth = 8e6;

interface Sample {
  step: number;
  residentBytes: number;
  /** What the engine holds. */
  held: Json;
}

/** Bytes a step by least squares. */
function slopeOf(samples: readonly Sample[]): number {
  const mean = (of: (sample: Sample) => number) => samples.reduce((sum, each) => sum + of(each), 0) / samples.length;
  const [step, bytes] = [mean((each) => each.step), mean((each) => each.residentBytes)];
  const covariance = mean((each) => (each.step - step) * (each.residentBytes - bytes));
  return covariance / mean((each) => (each.step - step) ** 2);
}

/** 10,000 training steps of a tiny model: resident memory and what the engine holds. Fails where they grow. */
export const protocol: Protocol = {
  name: "flat-memory",
  rows: [],
  minutes: 2,
  async run(report) {
    const result = await command(process.execPath, [...smallHeap, child, JSON.stringify({ steps, every })], {
      limitMs: 1_200_000,
    });
    if (result.status !== 0) throw new Error(outputLines(result).join("\n"));
    const samples = JSON.parse(result.stdout) as Sample[];
    const settled = samples.filter(({ step }) => step > steps / 4);
    const slope = slopeOf(settled);
    const growth = slope * (steps - steps / 4);
    const held = new Set(samples.map((sample) => JSON.stringify(sample.held)));
    report(
      `${slope.toFixed(1)} bytes a step, ${(growth / 1e6).toFixed(2)} MB in all; the engine held ${[...held].join(", then ")}`,
    );
    if (growth > largestGrowth || held.size > 1)
      throw new Error(
        `expected at most ${largestGrowth} bytes of growth and the same values held, got ${growth}, ${held.size} states`,
      );
    return {
      seeds: [0],
      claims: [],
      figures: { steps, bytesPerStep: slope, growthBytes: growth, samples: samples.map((each) => ({ ...each })) },
    };
  },
};
