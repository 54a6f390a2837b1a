import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recipe, spec, training } from "../../bench/multi30k/recipe.ts";
import type { Protocol } from "../../scripts/evidence/protocol.ts";
import { openPairs, type TextPair, type Tokenizer } from "../../src/data/index.ts";
import { createNodeEngine } from "../../src/engine/index.ts";
import { createTranslator } from "../../src/generate/index.ts";
import { buildSpec } from "../../src/spec/index.ts";
import { bleu, openTranslation } from "../../src/tasks/index.ts";
import { createTraining } from "../../src/train/index.ts";

const corpus = process.env["SEQLAB_MULTI30K"] ?? new URL("../../../shared/data/multi30k", import.meta.url).pathname;
const files = (part: string) => ({ source: join(corpus, `${part}.de.gz`), target: join(corpus, `${part}.en.gz`) });

/** German to English on Multi30k by one small recipe, trained here and, where `SEQLAB_BENCH_PYTHON` names a Python with torch, in PyTorch. */
export const protocol: Protocol = {
  name: "multi30k",
  rows: ["mt-wmt14"],
  minutes: 30,
  async run(report) {
    if (!existsSync(corpus)) throw new Error(`${corpus}: expected Multi30k (set SEQLAB_MULTI30K), got nothing`);
    const data = await openTranslation({
      train: files("train"),
      validation: files("test_2016_flickr"),
      tokenizer: { kind: "bpe", entries: recipe.entries },
      longest: recipe.longest,
    });
    const ours = await trainHere(data, report);
    const peer = await trainInTorch(data, report);
    const fluent = ours.greedy.score > 20;
    const beside = peer ? `, PyTorch ${peer.greedy.score.toFixed(2)}` : "";
    const text = `BLEU ${ours.greedy.score.toFixed(2)} greedy, ${ours.beam.score.toFixed(2)} with 4 beams on the 1,000 sentences of test 2016${beside} (greedy, same recipe, one seed)`;
    return {
      seeds: [recipe.seed],
      claims: [{ row: "mt-wmt14", holds: fluent, text }],
      figures: { recipe, data: data.facts, seqlab: ours, torch: peer },
    };
  },
};

type Data = Awaited<ReturnType<typeof openTranslation>>;

async function trainHere(data: Data, report: (line: string) => void) {
  const engine = createNodeEngine({ threads: recipe.threads });
  try {
    const built = buildSpec(spec, { tokens: data.tokens });
    const batches = data.batches(built, training);
    const run = await createTraining(engine, built, { batches, config: training });
    let loss = 0;
    while (run.step < training.steps) {
      ({ loss } = await run.advance());
      if (run.step % 100 === 0) report(`seqlab: step ${run.step} of ${training.steps}, loss ${loss.toFixed(3)}`);
    }
    const answers = async (beams: number) => {
      const translator = createTranslator(engine, built, { beams, batch: 32 });
      const found = await translator.translate(data.held.map(({ source }) => data.tokenizer.encode(source)));
      await translator.dispose();
      report(`seqlab: translated with ${beams} beams`);
      return scoreOf(
        found.map(([best]) => best!.tokens),
        data.tokenizer,
        data.held,
      );
    };
    const parameters = [...built.model.parameters.values()].reduce(
      (sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1),
      0,
    );
    return { parameters, lastLoss: loss, greedy: await answers(1), beam: await answers(4) };
  } finally {
    await engine.close();
  }
}

function scoreOf(answers: readonly ArrayLike<number>[], tokenizer: Tokenizer, held: readonly TextPair[]) {
  const { score, signature } = bleu({
    hypotheses: answers.map((ids) => tokenizer.decode(ids).trim()),
    references: held.map(({ target }) => [target]),
  });
  return { score, signature };
}

/** The same ids and settings in PyTorch; null where there is none. */
async function trainInTorch({ tokenizer, held, tokens }: Data, report: (line: string) => void) {
  const python = process.env["SEQLAB_BENCH_PYTHON"];
  if (python === undefined) return null;
  const folder = mkdtempSync(join(tmpdir(), "multi30k-"));
  try {
    const encode = ({ source, target }: TextPair) =>
      [[...tokenizer.encode(source)], [...tokenizer.encode(target)]] as [number[], number[]];
    const train: [number[], number[]][] = [];
    for await (const pair of openPairs(files("train"))) {
      const ids = encode(pair);
      if (Math.max(ids[0].length, ids[1].length + 1) <= recipe.longest) train.push(ids);
    }
    const settings = join(folder, "settings.json");
    const test = held.map(({ source }) => [...tokenizer.encode(source)]);
    writeFileSync(settings, JSON.stringify({ ...recipe, vocabulary: tokens + 2, train, test }));
    const script = new URL("../../bench/multi30k/peer_torch.py", import.meta.url).pathname;
    const printed = await output(python, [script, settings], report);
    const { answers, parameters, torch } = JSON.parse(printed) as {
      answers: number[][];
      parameters: number;
      torch: string;
    };
    const written = answers.map((ids) => ids.filter((id) => id < tokens));
    return { torch, parameters, greedy: scoreOf(written, tokenizer, held) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function output(command: string, args: readonly string[], report: (line: string) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text += String(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => report(`torch: ${String(chunk).trim().split("\n").at(-1)}`));
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(text) : reject(new Error(`${command} ended with ${code}`))));
  });
}
