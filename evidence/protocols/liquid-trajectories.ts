import { drawReadings } from "../../scripts/evidence/oscillators.ts";
import type { Claim, Protocol } from "../../scripts/evidence/protocol.ts";
import type { Batches } from "../../src/data/index.ts";
import { createNodeEngine } from "../../src/engine/index.ts";
import { parameterCount } from "../../src/model/index.ts";
import { type BuiltModel, buildSpec, canonicalSpec, type SpecInput } from "../../src/spec/index.ts";
import { createEvaluator, createTraining, trainingSchema } from "../../src/train/index.ts";

const seeds = [0, 1, 2];
const sizes = [500, 1000, 2000];
const settings = { length: 12, batch: 32, steps: 400, learningRate: 0.01, tested: 512 };
/** Layers with so many hidden units. */
const architectures = {
  CfC: (hidden: number) => [{ mixer: { kind: "cfc", hidden } }],
  LTC: (hidden: number) => [{ mixer: { kind: "ltc", hidden, unfolds: 3 } }],
  GRU: (hidden: number) => [{ mixer: { kind: "gru", hidden } }],
  LSTM: (hidden: number) => [{ mixer: { kind: "lstm", hidden } }],
  Transformer: (hidden: number) => [
    { mixer: { kind: "attention", heads: 1, positions: { kind: "rope" } }, channel: { kind: "mlp", hidden } },
  ],
} as const satisfies Record<string, (hidden: number) => SpecInput["layers"]>;
type Architecture = keyof typeof architectures;
const names = Object.keys(architectures) as Architecture[];

/** One training, tested on oscillators of another seed. */
export type TrajectoryRun = {
  architecture: Architecture;
  size: number;
  seed: number;
  parameters: number;
  /** Mean squared error over the variance of what is predicted: 1 is the best constant. */
  error: number;
};

/** Damped oscillators read at irregular times: the next position by liquid and other cells of equal parameters (Hasani et al. 2021, 2022). */
export const protocol: Protocol = {
  name: "liquid-trajectories",
  rows: ["liquid-parameter-efficiency"],
  minutes: 4,
  async run(report) {
    const runs: TrajectoryRun[] = [];
    for (const size of sizes)
      for (const architecture of names)
        for (const seed of seeds) {
          const run = await trainOne({ architecture, size, seed });
          report(`${architecture}, ${run.parameters} parameters, seed ${seed}: error ${run.error.toFixed(4)}`);
          runs.push(run);
        }
    return { seeds, claims: [trajectoryClaim(runs)], figures: { settings, sizes, runs } };
  },
};

type Choice = Pick<TrajectoryRun, "architecture" | "size" | "seed">;

/** One layer of that many parameters, as nearly as widths and hidden units allow. */
function sized(architecture: Architecture, size: number): { built: BuiltModel; parameters: number } {
  const found = [];
  for (let width = 4; width <= 24; width += 2)
    for (let hidden = 4; hidden <= 2 * width; hidden++) {
      const built = buildSpec(specOf(architecture, { width, hidden }), { tokens: 1 });
      found.push({ built, parameters: parameterCount(built.model.parameters) });
    }
  const gap = ({ parameters }: { parameters: number }) => Math.abs(parameters - size);
  return found.sort((a, b) => gap(a) - gap(b))[0]!;
}

const specOf = (architecture: Architecture, { width, hidden }: { width: number; hidden: number }) =>
  canonicalSpec({
    ...{ name: "trajectories", width, embedding: { kind: "features", size: 2 } },
    defaults: { norm: { kind: "none" } },
    layers: architectures[architecture](hidden),
    head: { kind: "classes", classes: 1, pool: "last" },
    objective: { kind: "regression" },
  });

async function trainOne({ architecture, size, seed }: Choice): Promise<TrajectoryRun> {
  const { built, parameters } = sized(architecture, size);
  const { length, batch, steps, learningRate, tested } = settings;
  const config = trainingSchema.parse({
    ...{ seed, steps, batch, length, optimizer: { kind: "adamw", learningRate } },
    schedule: { kind: "cosine", floorRatio: 0 },
  });
  const engine = createNodeEngine({ threads: 1 });
  try {
    const training = await createTraining(engine, built, { config, batches: oscillatorBatches(seed) });
    while (training.step < steps) await training.advance();
    const held = drawReadings({ count: tested, length, seed: 2 ** 20 });
    const windows = { count: tested, length, ...held, mask: new Uint8Array(tested * length).fill(1) };
    // Of one answer a sequence: what the evaluator calls nats are squared errors, a byte of text stands for a sequence.
    const text = { windows, bytes: tested };
    const evaluator = await createEvaluator(engine, built, { text, shape: { batch: 64, length } });
    const squared = (await training.evaluated(() => evaluator.run())).bitsPerByte * Math.LN2;
    await evaluator.dispose();
    await training.dispose();
    return { architecture, size, seed, parameters, error: squared / varianceOf(held.targets) };
  } finally {
    await engine.close();
  }
}

/** New oscillators at every step; those of the test come from a seed that no step has. */
function oscillatorBatches(seed: number): Batches {
  const { length, batch } = settings;
  return {
    shapes: [{ batch, length }],
    position: (step) => ({ step, seed }),
    resume: () => 0,
    batch: (step) => ({
      arrays: drawReadings({ count: batch, length, seed: seed * 2 ** 16 + step }),
      shape: 0,
      epoch: 0,
    }),
  };
}

function varianceOf(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
}

/** The row asks for a measurement: it holds where every architecture was measured at every size, within 3 % of the same parameters. */
export function trajectoryClaim(runs: readonly TrajectoryRun[]): Claim {
  const measured = (size: number, architecture: Architecture) =>
    runs.filter((run) => run.size === size && run.architecture === architecture);
  const cells = sizes.flatMap((size) => names.map((architecture) => measured(size, architecture)));
  const whole = cells.every(
    (own) =>
      own.length === seeds.length &&
      own.every(({ error, parameters, size }) => Number.isFinite(error) && Math.abs(parameters / size - 1) <= 0.03),
  );
  const mean = (own: readonly TrajectoryRun[]) => own.reduce((sum, { error }) => sum + error, 0) / own.length;
  const line = (size: number) =>
    `${size} parameters: ${names.map((name) => `${name} ${mean(measured(size, name)).toFixed(3)}`).join(", ")}`;
  return {
    row: "liquid-parameter-efficiency",
    holds: whole,
    text: `share of variance left, mean over ${seeds.length} seeds; ${sizes.map(line).join("; ")}`,
  };
}
