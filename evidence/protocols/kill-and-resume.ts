import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { killAndResume } from "../../scripts/evidence/kill-and-resume.ts";
import type { Protocol } from "../../scripts/evidence/protocol.ts";

const seed = 1;
const kills = 20;

/** SIGKILL at random moments of training; each run is resumed and must end with the bytes of one that was never killed. */
export const protocol: Protocol = {
  name: "kill-and-resume",
  rows: ["shared-seed-protocol"],
  minutes: 3,
  async run(report) {
    const folder = mkdtempSync(join(tmpdir(), "seqlab-kill-"));
    try {
      const results = await killAndResume({ kills, seed, steps: 400, folder, report });
      const same = results.filter(({ differing }) => differing.length === 0).length;
      const moments = results.map(({ steps }) => steps).sort((a, b) => a - b);
      const text = `${same} of ${kills} runs killed at steps ${moments.join(", ")} of 400 were resumed to the checkpoint bytes and losses of an uninterrupted run`;
      return {
        seeds: [seed],
        claims: [{ row: "shared-seed-protocol", holds: same === kills, text }],
        figures: results.map((one) => ({ ...one, afterMs: Math.round(one.afterMs) })),
      };
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
