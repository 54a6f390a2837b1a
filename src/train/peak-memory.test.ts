import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { command } from "../../scripts/source/command.ts";

const fixture = fileURLToPath(new URL("./peak-memory.fixture.ts", import.meta.url));

/** Peak resident bytes of a process that trains, and its losses. */
async function peakOf(settings: object, wiring: object = {}): Promise<{ bytes: number; losses: number[] }> {
  const { stdout, stderr, status } = await command(process.execPath, [
    fixture,
    JSON.stringify(settings),
    JSON.stringify(wiring),
  ]);
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout);
}

test("[full-recompute] measured peak memory falls from none over selective to full, and with accumulation; losses stay", async () => {
  const none = await peakOf({});
  const selective = await peakOf({ rematerialise: "selective" });
  const full = await peakOf({ rematerialise: "full" });
  const parts = await peakOf({ accumulate: 4 });
  expect([selective.losses, full.losses]).toEqual([none.losses, none.losses]);
  expect(selective.bytes).toBeLessThan(0.85 * none.bytes);
  expect(full.bytes).toBeLessThan(0.8 * selective.bytes);
  expect(parts.bytes).toBeLessThan(0.7 * none.bytes);
});

test("[reversible-residual] measured peak memory is less than with stored activations", async () => {
  const [plain, reversible] = [
    await peakOf({ steps: 1 }),
    await peakOf({ steps: 1 }, { streams: { kind: "reversible" } }),
  ];
  expect(reversible.bytes).toBeLessThan(0.75 * plain.bytes);
});
