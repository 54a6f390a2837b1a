import { writeFileSync } from "node:fs";
import { compare, parseBudget, parseSize } from "./analysis/index.ts";
import { loadCorpus } from "./data/index.ts";
import { loadSpec, shippedSpecs } from "./spec/index.ts";

const names = process.argv[2] === "all" ? shippedSpecs() : process.argv[2]!.split(",");
const t0 = Date.now();
const c = await compare(
  {
    specs: names.map((n) => loadSpec(n)),
    corpus: await loadCorpus("builtin"),
    tokenizer: { kind: "bpe", entries: 1024 },
    size: parseSize("params=0.48M"),
    budget: parseBudget(process.argv[3]!),
    seeds: process.argv[4] === "1" ? [0] : [0, 1],
    training: {
      batch: Number(process.env.B ?? 8),
      length: Number(process.env.T ?? 64),
      optimizer: { learningRate: Number(process.env.LR ?? 4e-3) },
    },
    threads: 2,
    draws: 4,
    sampleTokens: 64,
    contexts: [1024, 16384],
    folder: process.argv[5] ?? "/tmp/cmp",
    command: "smoke",
  },
  {
    onEvent: (e) => {
      if (e.kind === "plan")
        console.log(
          e.models.map((m) => [m.spec.name, m.reached, JSON.stringify(m.tuned)].join(" ")).join("\n"),
          e.steps,
        );
      if (e.kind === "end") {
        const o: any = e.outcome;
        console.log(
          ((Date.now() - t0) / 1000).toFixed(0) + "s",
          e.index,
          e.job.kind,
          e.job.spec.name,
          e.job.kind === "train"
            ? `bpb ${o.evaluation.bitsPerByte.toFixed(3)} ${o.tokensPerS.toFixed(0)} tok/s peak ${(o.peakBytes / 2 ** 20).toFixed(0)}MB train ${o.seconds.toFixed(1)}s loss ${o.curve.at(-1).loss.toFixed(3)}`
            : e.job.kind === "decode"
              ? `${o.decodeTokensPerS.mean.toFixed(0)} tok/s first ${o.firstTokenMs.mean.toFixed(0)}ms ${JSON.stringify(o.decode.map((d: any) => [d.context, d.msPerToken.mean.toFixed(2)]))} | ${JSON.stringify(o.sample).slice(0, 200)}`
              : "",
        );
      }
    },
  },
);
console.log(c.wordShare, c.protocol.seconds);
writeFileSync("/tmp/cmp.json", JSON.stringify(c));
const { renderComparison, comparisonTable } = await import("./report/index.ts");
console.log(comparisonTable(c));
writeFileSync("/tmp/cmp.html", renderComparison(c));
