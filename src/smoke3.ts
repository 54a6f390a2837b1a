import { readFileSync } from "node:fs";
import { fitTokenizer, loadCorpus, splitCorpus } from "./data/index.ts";
import { createNodeEngine } from "./engine/index.ts";
import { buildSpec, canonicalSpec } from "./spec/index.ts";
import { createEvaluator, createTraining, trainingSchema } from "./train/index.ts";

const split = splitCorpus(await loadCorpus("builtin"));
const tok = fitTokenizer(split.train.text, { kind: "bpe", entries: 1024 });
const ids = tok.encode(split.train.text);
const engine = createNodeEngine();
for (const file of process.argv[2]!.split(","))
  for (const scale of (process.argv[5] ?? "none,sqrt-width").split(","))
    for (const lr of (process.argv[6] ?? "3e-3").split(",").map(Number)) {
      const raw = JSON.parse(readFileSync(file, "utf8"));
      const spec = canonicalSpec({ ...raw, embedding: { kind: "token", scale } });
      const built = buildSpec(spec, { tokens: tok.size });
      const batch = Number(process.argv[3] ?? 4),
        steps = Number(process.argv[4] ?? 100);
      const tr = await createTraining(engine, built, {
        ids,
        config: trainingSchema.parse({ steps, batch, length: 128, optimizer: { learningRate: lr } }),
      });
      const t = performance.now();
      let l = 0;
      const out = [];
      for (let i = 0; i < steps; i++) {
        const r = await tr.advance();
        l += r.loss;
        if ((i + 1) % Math.floor(steps / 5) === 0) {
          out.push((l / Math.floor(steps / 5)).toFixed(3));
          l = 0;
        }
      }
      const dt = (performance.now() - t) / 1000;
      const ev = await createEvaluator(engine, built, {
        text: { ids: tok.encode(split.validation.text), bytes: split.validation.bytes },
        shape: { batch: 16, length: 128 },
        windows: 64,
      });
      console.log(file, scale, lr, out.join(" "), "bpb", (await ev.run()).bitsPerByte.toFixed(4), dt.toFixed(1) + "s");
      await ev.dispose();
      await tr.dispose();
    }
await engine.close();
