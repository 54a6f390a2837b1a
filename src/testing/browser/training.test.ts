import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createNodeEngine } from "../../engine/index.ts";
import { openPage, reasonToSkip, type TestPage } from "./chromium.ts";
import { families, trainFamily } from "./families.fixture.ts";
import type { PageCalls } from "./page.fixture.ts";

const steps = 3;

describe.skipIf(reasonToSkip() !== undefined)("in a Chromium page", () => {
  const node = createNodeEngine({ threads: 1 });
  let page: TestPage<PageCalls>;
  beforeAll(async () => {
    page = await openPage<PageCalls>(fileURLToPath(new URL("page.fixture.ts", import.meta.url)));
  }, 180_000);
  afterAll(async () => {
    await page?.close();
    await node.close();
  });

  test("the page is isolated, so that WebAssembly has a thread for each core", async () => {
    const { isolated, cores, threads } = await page.call("threads", null);
    expect(isolated).toBe(true);
    expect(threads).toBe(cores);
  });

  test.each(Object.keys(families))("%s trains to the same loss as in Node, on wasm and WebGPU", async (family) => {
    const expected = await trainFamily(node, family, steps);
    expect(new Set(expected.map(({ loss }) => loss)).size).toBe(steps);
    for (const provider of ["wasm", "webgpu"] as const) {
      const records = await page.call("train", { provider, family, steps });
      expect(records).toHaveLength(steps);
      records.forEach(({ loss, gradNorm }, i) => {
        expect(Math.abs(loss - expected[i]!.loss), `${provider}, step ${i + 1}`).toBeLessThan(1e-4);
        expect(Math.abs(gradNorm / expected[i]!.gradNorm - 1), `${provider}, step ${i + 1}`).toBeLessThan(1e-3);
      });
    }
  });

  test("with WebGPU, state stays on the GPU and takes no more memory from step to step", async () => {
    const counts = await page.call("gpuBuffers", 8);
    // Two numbers a step: loss and gradient norm, 16 bytes each as WebGPU rounds them up.
    counts.forEach(({ alive, readBytes }, i) => {
      expect(readBytes).toBeLessThanOrEqual(64 * (i + 1));
      if (i > 1) expect(alive).toBe(counts[1]!.alive);
    });
  });

  test("without a GPU, WebGPU is refused with a hint", async () => {
    expect(await page.call("withoutGpu", null)).toMatch(/expected a GPU.*no navigator\.gpu.*"wasm".*\[E_GPU\]/);
  });
});
