import type { Engine } from "../../engine/index.ts";
import type { BuiltModel, ObjectiveKind } from "../../spec/index.ts";
import type { Dataset } from "../../tasks/index.ts";
import { objectiveLosses, type TrainingConfig, trainingProgram } from "../../train/index.ts";

/**
 * L2 norms of the gradients of each layer's parameters on the first batch, for the parameters that are resident now; the
 * first layer comes first.
 */
export async function gradientNorms(
  engine: Engine,
  built: BuiltModel,
  { dataset, config }: { dataset: Dataset; config: TrainingConfig },
): Promise<number[]> {
  const batches = dataset.batches(built, config);
  const { arrays, shape } = batches.batch(0);
  const objective = objectiveLosses[built.model.spec.objective.kind as ObjectiveKind];
  const program = trainingProgram(built, objective, batches.shapes[shape]!);
  const gradients = Object.entries(program.outputs).filter(([name]) => name.startsWith("grad:"));
  const executable = await engine.compile({ outputs: Object.fromEntries(gradients) });
  const draws = { "random.seed": Uint32Array.of(config.seed), "random.step": Uint32Array.of(0) };
  const values = await executable.run({ ...arrays, ...draws });
  await executable.dispose();
  return built.model.layers.map(({ path }) => {
    const own = Object.entries(values).filter(([name]) => name.startsWith(`grad:${path}.`));
    return Math.sqrt(own.reduce((sum, [, value]) => sum + squares(value as Float32Array), 0));
  });
}

const squares = (values: Float32Array): number => values.reduce((sum, value) => sum + value * value, 0);
