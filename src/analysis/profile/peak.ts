import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNodeEngine, type Engine } from "../../engine/index.ts";
import { input } from "../../tensor/index.ts";
import { readProfiles, type SessionRun } from "./events.ts";
import { isProduct, productFlops } from "./product-flops.ts";

/** An engine that profiles; what its sessions ran is there once they are disposed and the engine is closed. */
export async function profiled(threads: number, work: (engine: Engine) => Promise<void>): Promise<SessionRun[][]> {
  const folder = mkdtempSync(join(tmpdir(), "seqlab-profile-"));
  try {
    const engine = createNodeEngine({ threads, profile: folder });
    try {
      await work(engine);
    } finally {
      await engine.close();
    }
    return await readProfiles(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Rows and columns of the factors: large ones reach the peak, smaller ones reach it on a machine that is busy now and then. */
const sizes = [1024, 512, 384];
const links = 8;

/** 10⁹ FLOPs a second of the fastest of chains of square products: what this machine can do at best. */
export async function matmulPeak(threads: number): Promise<{ gflops: number; size: number }> {
  const sessions = await profiled(threads, async (engine) => {
    for (const size of sizes) await runChain(engine, size);
  });
  const rates = sessions
    .flat()
    .flatMap(({ kernels }) =>
      kernels.flatMap(({ op, inputs, outputs, selfUs }) =>
        isProduct(op) && selfUs > 0
          ? [{ gflops: productFlops(op, inputs, outputs) / selfUs / 1e3, size: outputs[0]![0]! }]
          : [],
      ),
    );
  return rates.reduce((best, one) => (one.gflops > best.gflops ? one : best));
}

/** As many runs of each size as take about as long. */
async function runChain(engine: Engine, size: number): Promise<void> {
  const w = input("w", [size, size]);
  let y = input("x", [size, size]);
  for (let i = 0; i < links; i++) y = y.matmul(w, { transB: i % 2 === 0, alpha: 1 / size });
  const ones = new Float32Array(size * size).fill(1);
  const chain = await engine.compile({ outputs: { y: y.sum() } });
  for (let run = 0; run < 3 * (1024 / size); run++) await chain.run({ x: ones, w: ones });
  await chain.dispose();
}
