import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { trainFamily } from "../../testing/browser/families.fixture.ts";
import { createNodeEngine } from "./node-engine.ts";

const fixture = fileURLToPath(new URL("webgpu.fixture.ts", import.meta.url));

interface Outcome {
  kind?: string;
  records?: { loss: number; gradNorm: number }[];
  error?: string;
}

/** What the engine does in a process that finds these Vulkan drivers. */
async function trainWith(env: Record<string, string>, family: string): Promise<Outcome> {
  const { stdout } = await promisify(execFile)(process.execPath, [fixture, family], {
    env: { ...process.env, ...env },
  });
  return JSON.parse(stdout) as Outcome;
}

/** Chromium's software driver, and the Vulkan loader beside it. */
const drivers = "/usr/lib/chromium";
const driver = join(drivers, "vk_swiftshader_icd.json");
const hasDriver = existsSync(driver) && existsSync(join(drivers, "libvulkan.so.1"));
if (!hasDriver) console.warn(`skipped: the engine webgpu on a software driver (no ${driver})`);

describe("the engine webgpu", () => {
  test.skipIf(process.platform !== "linux")("says so where there is no driver", async () => {
    const { error } = await trainWith({ VK_ICD_FILENAMES: "/nowhere.json", VK_DRIVER_FILES: "/nowhere.json" }, "llama");
    expect(error).toMatch(/engine webgpu: expected a GPU with a Vulkan.*got Failed to get a WebGPU adapter.*\[E_GPU\]/);
  });

  test.skipIf(!hasDriver).each(["llama", "lstm"])(
    "trains %s to the loss of the CPU on a software driver",
    async (family) => {
      const { kind, records } = await trainWith({ VK_ICD_FILENAMES: driver, LD_LIBRARY_PATH: drivers }, family);
      expect(kind).toBe("webgpu");
      const node = createNodeEngine({ threads: 1 });
      const expected = await trainFamily(node, family, 2);
      await node.close();
      records!.forEach(({ loss, gradNorm }, i) => {
        expect(Math.abs(loss - expected[i]!.loss)).toBeLessThan(1e-4);
        expect(Math.abs(gradNorm / expected[i]!.gradNorm - 1)).toBeLessThan(1e-3);
      });
      expect(records).toHaveLength(2);
    },
  );
});
