import type { Claim, Protocol } from "../../scripts/evidence/protocol.ts";
import {
  fitCharTokenizer,
  loadCorpus,
  splitCorpus,
  type ValidationWindows,
  validationWindows,
} from "../../src/data/index.ts";
import { createNodeEngine, type Engine } from "../../src/engine/index.ts";
import { type BuiltModel, buildSpec, canonicalSpec } from "../../src/spec/index.ts";
import { constant, input } from "../../src/tensor/index.ts";
import { createTraining, inputSource, trainingIo, trainingSchema } from "../../src/train/index.ts";

const seeds = [0, 1, 2];
const passes = [1, 4, 16];
/** Characters of the training text: the smaller one is learned by heart, the larger one is not. */
const sizes = [5000, 20_000] as const;
const settings = {
  ...{ testCharacters: 8000, ratio: 0.5 },
  ...{ width: 64, layers: 2, heads: 4, steps: 600, batch: 8, length: 64, learningRate: 0.004 },
};
type Attention = "dense" | "subsampled";

/** One training, tested on text that it never saw; means over passes are of probabilities. */
export type EnsembleRun = {
  trainCharacters: (typeof sizes)[number];
  seed: number;
  attention: Attention;
  /** Of one pass over all keys. */
  denseNats: number;
  /** By the passes that are averaged, each with keys of its own; dense attention draws none. */
  ensembleNats: number[];
};

/** Small texts: random halves of the keys and means over passes beside attention to all keys (Hussain et al. 2023). */
export const protocol: Protocol = {
  name: "subsampled-ensemble",
  rows: ["ssa"],
  minutes: 2,
  async run(report) {
    const text = await characters();
    const runs: EnsembleRun[] = [];
    for (const choice of choices) {
      const run = await trainOne(text, choice);
      const means = run.ensembleNats.map((nats) => nats.toFixed(3)).join(", ");
      const { trainCharacters, attention, seed, denseNats } = run;
      const line = `${trainCharacters} characters, ${attention}, seed ${seed}: ${denseNats.toFixed(3)} nats over all keys`;
      report(`${line}; means: ${means || "none"}`);
      runs.push(run);
    }
    return { seeds, claims: [ensembleClaim(runs)], figures: { settings, passes, sizes, runs } };
  },
};

type Choice = Pick<EnsembleRun, "trainCharacters" | "attention" | "seed">;
const choices: Choice[] = sizes.flatMap((trainCharacters) =>
  seeds.flatMap((seed) =>
    (["dense", "subsampled"] as const).map((attention) => ({ trainCharacters, attention, seed })),
  ),
);

/**
 * Of the text that is learned by heart: in every seed the largest ensemble loses no more than the model trained with all keys.
 * The other text's losses stand beside it.
 */
export function ensembleClaim(runs: readonly EnsembleRun[]): Claim {
  const pairs = (size: number) =>
    seeds.map((seed) => {
      const own = runs.filter((run) => run.trainCharacters === size && run.seed === seed);
      const of = (attention: Attention) => own.find((run) => run.attention === attention)!;
      return { dense: of("dense").denseNats, ensemble: of("subsampled").ensembleNats.at(-1)! };
    });
  const line = (size: number) =>
    `${size} characters: ${pairs(size)
      .map(({ ensemble, dense }) => `${ensemble.toFixed(3)} and ${dense.toFixed(3)}`)
      .join(", ")}`;
  const text = `nats a character of ${passes.at(-1)} passes with half of the keys, and of attention to all keys; ${sizes.map(line).join("; ")}`;
  return { row: "ssa", holds: pairs(sizes[0]).every(({ dense, ensemble }) => ensemble <= dense), text };
}

async function characters() {
  const { train, validation } = splitCorpus(await loadCorpus("builtin"));
  const tokenizer = fitCharTokenizer(train.text);
  const held = tokenizer.encode(validation.text.slice(0, settings.testCharacters));
  return {
    train: tokenizer.encode(train.text.slice(0, Math.max(...sizes))),
    windows: validationWindows(held, settings.length, { multipleOf: settings.batch }),
    vocabulary: tokenizer.size,
  };
}
type Text = Awaited<ReturnType<typeof characters>>;

const built = (vocabulary: number, subsample?: { ratio: number; when: string }): BuiltModel => {
  const { width, layers: repeat, heads } = settings;
  const mixer = { kind: "attention", heads, positions: { kind: "rope" }, ...(subsample && { subsample }) };
  const embedding = { kind: "token", scale: "sqrt-width", std: 0.5 };
  const layers = [{ repeat, mixer, channel: { kind: "mlp", hidden: 2 * width } }];
  return buildSpec(canonicalSpec({ name: "m", width, embedding, layers } as never), { tokens: vocabulary });
};

async function trainOne({ train, windows, vocabulary }: Text, choice: Choice): Promise<EnsembleRun> {
  const { trainCharacters, attention, seed } = choice;
  const { steps, batch, length, learningRate, ratio } = settings;
  const engine = createNodeEngine({ threads: 1 });
  try {
    const drawing = attention === "dense" ? undefined : built(vocabulary, { ratio, when: "always" });
    const config = trainingSchema.parse({ ...{ seed, steps, batch, length }, optimizer: { learningRate } });
    const whole = built(vocabulary);
    const training = await createTraining(engine, drawing ?? whole, { ids: train.slice(0, trainCharacters), config });
    await training.advanceBy(steps);
    const found = await training.evaluated(async () => ({
      denseNats: await meanNats(engine, whole, windows, 1),
      ensembleNats: drawing ? await ensembles(engine, drawing, windows) : [],
    }));
    await training.dispose();
    return { ...choice, ...found };
  } finally {
    await engine.close();
  }
}

async function ensembles(engine: Engine, model: BuiltModel, windows: ValidationWindows): Promise<number[]> {
  const found: number[] = [];
  for (const count of passes) found.push(await meanNats(engine, model, windows, count));
  return found;
}

/** −log of the mean over passes of each character's probability, averaged over the characters. */
async function meanNats(engine: Engine, { model }: BuiltModel, windows: ValidationWindows, count: number) {
  const { batch: B, length: T } = settings;
  const io = { ...trainingIo(), mode: "eval" as const };
  const { logits } = model.forward(input("inputs", [B, T], "i32"), { source: inputSource(), io });
  const classes = constant(
    Int32Array.from({ length: model.outputs }, (_, id) => id),
    [model.outputs],
    "i32",
  );
  const right = input("targets", [B, T], "i32").unsqueeze(2).equal(classes).cast("f32");
  const program = await engine.compile({ outputs: { prob: logits.softmax(-1).mul(right).sum(-1) } });
  let [nats, characters] = [0, 0];
  for (let first = 0; first < windows.count; first += B) {
    const cut = <A extends Int32Array | Uint8Array>(values: A) => values.slice(first * T, (first + B) * T) as A;
    const feeds = { inputs: cut(windows.inputs), targets: cut(windows.targets), "random.seed": Uint32Array.of(7) };
    const sums = new Float64Array(B * T);
    for (let pass = 0; pass < count; pass++) {
      const { prob } = await program.run({ ...feeds, "random.step": Uint32Array.of(first * count + pass) });
      for (const [i, value] of prob!.entries()) sums[i]! += Number(value);
    }
    cut(windows.mask).forEach((counts, i) => {
      if (!counts) return;
      nats -= Math.log(sums[i]! / count);
      characters++;
    });
  }
  await program.dispose();
  return nats / characters;
}
