import { logSlope } from "../../scripts/evidence/log-slope.ts";
import type { Protocol } from "../../scripts/evidence/protocol.ts";
import { createNodeEngine, type Engine } from "../../src/engine/index.ts";
import { initialise } from "../../src/model/index.ts";
import { buildSpec, canonicalSpec } from "../../src/spec/index.ts";
import { input } from "../../src/tensor/index.ts";
import { evaluationIo, inputSource } from "../../src/train/index.ts";

const [width, tokens, repeats] = [64, 64, 7];
const lengths = [1024, 2048, 4096, 8192, 16_384];
const quadratic = { attention: { kind: "attention", heads: 1 } };
const linear = {
  "linear-attention": { kind: "linear-attention", heads: 1 },
  gla: { kind: "gla", heads: 1 },
  "mamba-2": { kind: "mamba-2", heads: 2 },
  lstm: { kind: "lstm" },
};

/** Wall time of reading n tokens with one layer, against n: slopes in logarithms, with standard errors. */
export const protocol: Protocol = {
  name: "quadratic-cost",
  rows: ["quadratic-cost"],
  minutes: 3,
  async run(report) {
    const engine = createNodeEngine({ threads: 2 });
    try {
      const found = new Map<string, Awaited<ReturnType<typeof measure>>>();
      for (const [name, mixer] of Object.entries({ ...quadratic, ...linear })) {
        found.set(name, await measure(engine, mixer));
        report(`${name}: n^${textOf(found.get(name)!.fit)}`);
      }
      const { slope, stdErr } = found.get("attention")!.fit;
      const others = Object.keys(linear).map((name) => ({ name, ...found.get(name)!.fit }));
      const holds = others.every((one) => slope - 2 * stdErr > one.slope + 2 * one.stdErr);
      const beside = others.map((one) => `${one.name} n^${textOf(one)}`).join(", ");
      const text = `wall time of ${lengths[0]} to ${lengths.at(-1)} tokens grows as n^${textOf({ slope, stdErr })} with attention; ${beside}`;
      const figures = [...found].map(([name, { fit, points }]) => ({ name, ...fit, points }));
      return { seeds: [0], claims: [{ row: "quadratic-cost", holds, text }], figures };
    } finally {
      await engine.close();
    }
  },
};

const textOf = ({ slope, stdErr }: { slope: number; stdErr: number }) => `${slope.toFixed(2)} ± ${stdErr.toFixed(2)}`;

async function measure(engine: Engine, mixer: object) {
  const { model } = buildSpec(canonicalSpec({ name: "m", width, layers: [{ mixer }] } as never), { tokens });
  const parameters = Object.fromEntries(initialise(model, 0));
  const points: { n: number; ms: number }[] = [];
  for (const n of lengths) {
    const { logits } = model.forward(input("ids", [1, n], "i32"), { source: inputSource(), io: evaluationIo() });
    const program = await engine.compile({ outputs: { y: logits.sum() } });
    const feeds = { ...parameters, ids: Int32Array.from({ length: n }, (_, i) => (i * i) % tokens) };
    await program.run(feeds);
    for (let repeat = 0; repeat < repeats; repeat++) {
      const start = performance.now();
      await program.run(feeds);
      points.push({ n, ms: performance.now() - start });
    }
    await program.dispose();
  }
  return { fit: logSlope(points.map(({ n, ms }) => ({ n, y: ms }))), points };
}
