import { logSlope } from "../../scripts/evidence/log-slope.ts";
import type { Protocol } from "../../scripts/evidence/protocol.ts";
import { countFlops, createNodeEngine, type Engine } from "../../src/engine/index.ts";
import { initialise } from "../../src/model/index.ts";
import { buildSpec, canonicalSpec } from "../../src/spec/index.ts";
import { input } from "../../src/tensor/index.ts";
import { evaluationIo, inputSource } from "../../src/train/index.ts";

const settings = { width: 64, tokens: 64, heads: 1, features: 16, rounds: 5 };
const lengths = [256, 512, 1024, 2048, 4096];

/** Wall time of one layer of kernelised attention with relative positions over n tokens, against n: slope in logarithms. */
export const protocol: Protocol = {
  name: "relative-kernel-cost",
  rows: ["kernel-rpe-fft"],
  minutes: 1,
  async run(report) {
    const engine = createNodeEngine({ threads: 1 });
    try {
      const points = await measured(engine);
      for (const { n, ms } of points) report(`${n} tokens: ${ms.map((one) => one.toFixed(0)).join(", ")} ms`);
      const fit = logSlope(points.map(({ n, ms }) => ({ n, y: Math.min(...ms) })));
      const counted = logSlope(points.map(({ n, flops }) => ({ n, y: flops })));
      const holds = fit.slope >= 1 && fit.slope <= 1.3;
      const text = `the least wall time of ${lengths[0]} to ${lengths.at(-1)} tokens grows as n^${fit.slope.toFixed(2)} ± ${fit.stdErr.toFixed(2)}, counted FLOPs as n^${counted.slope.toFixed(2)}`;
      const figures = { settings, fit: { ...fit }, counted: { ...counted }, points };
      return { seeds: [0], claims: [{ row: "kernel-rpe-fft", holds, text }], figures };
    } finally {
      await engine.close();
    }
  },
};

/** All lengths are timed once in each round, so that a slow phase of the machine meets all of them. */
async function measured(engine: Engine) {
  const programs = await Promise.all(lengths.map((n) => prepared(engine, n)));
  const points = programs.map(({ n, flops }) => ({ n, flops, ms: [] as number[] }));
  for (let round = 0; round <= settings.rounds; round++)
    for (const [i, { program, feeds }] of programs.entries()) {
      const start = performance.now();
      await program.run(feeds);
      // The first round warms up.
      if (round > 0) points[i]!.ms.push(performance.now() - start);
    }
  for (const { program } of programs) await program.dispose();
  return points;
}

async function prepared(engine: Engine, n: number) {
  const { width, tokens, heads, features } = settings;
  const mixer = { kind: "relative-kernel-attention", heads, features, maxTokens: lengths.at(-1)! };
  const spec = { name: "m", width, objective: { kind: "masked-lm" }, layers: [{ mixer }] };
  const { model } = buildSpec(canonicalSpec(spec as never), { tokens });
  const { logits } = model.forward(input("ids", [1, n], "i32"), { source: inputSource(), io: evaluationIo() });
  const y = logits.sum();
  const ids = Int32Array.from({ length: n }, (_, i) => (i * i) % tokens);
  const feeds = { ...Object.fromEntries(initialise(model, 0)), ids };
  return { n, flops: countFlops([y]).total, program: await engine.compile({ outputs: { y } }), feeds };
}
