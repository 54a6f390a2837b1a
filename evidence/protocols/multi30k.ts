import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recipe, spec, training } from "../../bench/multi30k/recipe.ts";
import { onceDone } from "../../scripts/evidence/parts.ts";
import type { Json, Protocol } from "../../scripts/evidence/protocol.ts";
import { CodeHashes } from "../../scripts/rows/code-hash.ts";
import { root } from "../../scripts/source/files.ts";
import type { TextPair, Tokenizer } from "../../src/data/index.ts";
import { createNodeEngine } from "../../src/engine/index.ts";
import { createTranslator } from "../../src/generate/index.ts";
import { initialise, parameterCount } from "../../src/model/index.ts";
import { buildSpec } from "../../src/spec/index.ts";
import { bleu, openTranslation, tokenizerCodec } from "../../src/tasks/index.ts";
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
    const key = { code: new CodeHashes().of("evidence/protocols/multi30k.ts"), data: data.facts as Json };
    const parts = { folder: join(root, "runs/evidence"), key };
    const ours = await onceDone(parts, { name: "multi30k-seqlab", work: () => trainHere(data, report) });
    const python = process.env["SEQLAB_BENCH_PYTHON"];
    const peer =
      python === undefined
        ? null
        : await onceDone(parts, { name: "multi30k-torch", work: () => trainInTorch(data, { python, report }) });
    const fluent = ours.greedy.score > 20;
    const beside = peer ? `, PyTorch ${peer.greedy.score.toFixed(2)}` : "";
    const text = `BLEU ${ours.greedy.score.toFixed(2)} greedy, ${ours.beam.score.toFixed(2)} with 4 beams on the 1,000 sentences of test 2016${beside} (greedy, same recipe, one seed)`;
    return {
      seeds: [recipe.seed],
      claims: [{ row: "mt-wmt14", holds: fluent, text }],
      figures: { recipe, data: data.facts as Json, seqlab: ours, torch: peer },
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
    const losses: number[] = [];
    const start = performance.now();
    while (run.step < training.steps) {
      losses.push((await run.advance()).loss);
      if (run.step % 100 === 0)
        report(`seqlab: step ${run.step} of ${training.steps}, loss ${lastMean(losses).toFixed(3)}`);
    }
    const trainSeconds = Math.round((performance.now() - start) / 1000);
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
    const parameters = parameterCount(built.model.parameters);
    return {
      ...{ parameters, trainSeconds, lastLoss: lastMean(losses) },
      ...{ greedy: await answers(1), beam: await answers(4) },
    };
  } finally {
    await engine.close();
  }
}

/** Of the last 100 steps: single batches differ much. Nats a token, smoothing included. */
const lastMean = (losses: readonly number[]): number => {
  const last = losses.slice(-100);
  return last.reduce((sum, loss) => sum + loss, 0) / last.length;
};

function scoreOf(answers: readonly ArrayLike<number>[], tokenizer: Tokenizer, held: readonly TextPair[]) {
  const { score, signature } = bleu({
    hypotheses: answers.map((ids) => tokenizerCodec(tokenizer).decodeTarget(ids)),
    references: held.map(({ target }) => [target]),
  });
  return { score, signature };
}

/** The same batches, step by step, and the same settings in PyTorch. */
async function trainInTorch(data: Data, { python, report }: { python: string; report: (line: string) => void }) {
  const { tokenizer, held, tokens } = data;
  const folder = mkdtempSync(join(tmpdir(), "multi30k-"));
  try {
    const settings = join(folder, "settings.json");
    const test = held.map(({ source }) => [...tokenizer.encode(source)]);
    const start = startOf(data);
    writeFileSync(
      settings,
      JSON.stringify({ ...recipe, vocabulary: tokens + 2, start, batches: batchesOf(data), test }),
    );
    const script = new URL("../../bench/multi30k/peer_torch.py", import.meta.url).pathname;
    const printed = await output(python, [script, settings], report);
    const { answers, ...facts } = JSON.parse(printed) as {
      answers: number[][];
      parameters: number;
      lastLoss: number;
      trainSeconds: number;
      torch: string;
    };
    return { ...facts, trainSeconds: Math.round(facts.trainSeconds), greedy: scoreOf(answers, tokenizer, held) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The parameters before the first step: path → shape and values. */
function startOf({ tokens }: Data): Record<string, [shape: readonly number[], values: number[]]> {
  const { model } = buildSpec(spec, { tokens });
  const values = initialise(model, recipe.seed);
  return Object.fromEntries(
    [...model.parameters].map(([path, { shape }]) => [path, [shape, Array.from(values.get(path)!)]]),
  );
}

type Ids = number[];

/** The pairs of every step, as seqlab trains on them. */
function batchesOf(data: Data): [source: Ids, target: Ids][][] {
  const batches = data.batches(buildSpec(spec, { tokens: data.tokens }), training);
  return Array.from({ length: training.steps }, (_, step) => {
    const { arrays, shape } = batches.batch(step);
    const { batch, length: T, sourceLength: S } = batches.shapes[shape]!;
    const row = (ids: ArrayLike<number>, keep: ArrayLike<number>, from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => from + i).flatMap((at) => (keep[at]! > 0 ? [ids[at]!] : []));
    return Array.from({ length: batch }, (_, b): [Ids, Ids] => [
      row(arrays.source!, arrays.sourceMask!, b * S!, (b + 1) * S!),
      // Without the end, which the peer puts behind each.
      row(arrays.targets, arrays.weights!, b * T, (b + 1) * T).slice(0, -1),
    ]).filter(([, target]) => target.length > 0);
  });
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
