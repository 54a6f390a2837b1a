import type { Engine } from "../engine/index.ts";
import type { BuiltModel } from "../spec/index.ts";
import { fail, input, type Program } from "../tensor/index.ts";
import { evaluationIo, inputSource } from "../train/index.ts";
import { scoreTask, type TaskScore } from "./score.ts";
import type { TaskWindows } from "./stream.ts";

export interface TaskEvaluator {
  /** Scores the parameters that are resident in the engine now. */
  run(): Promise<TaskScore>;
  dispose(): Promise<void>;
}

/** The likeliest id at every place: input `inputs` as the model reads it, output `predictions` i32 [B, T]. */
export function predictionProgram(
  { model }: BuiltModel,
  { batch: B, length: T }: { batch: number; length: number },
): Program {
  const inputs =
    model.input.kind === "ids" ? input("inputs", [B, T], "i32") : input("inputs", [B, T, model.input.size]);
  const { logits } = model.forward(inputs, { source: inputSource(), io: evaluationIo() });
  return { outputs: { predictions: logits.argmax(-1) } };
}

/** Compiles the scoring of test windows, `batch` at a time. Throws E_TASK_MODEL where the model has no output a token. */
export async function createTaskEvaluator(
  engine: Engine,
  built: BuiltModel,
  { windows, batch: B }: { windows: TaskWindows; batch: number },
): Promise<TaskEvaluator> {
  const { per } = built.model;
  if (per !== "token")
    fail({ code: "E_TASK_MODEL", where: "model.head", expected: "an output for every token", got: `one a ${per}` });
  const T = windows.length;
  const executable = await engine.compile(predictionProgram(built, { batch: B, length: T }));
  const width = windows.inputs.length / windows.count;
  const run = async () => {
    const predictions = new Int32Array(windows.count * T);
    for (let first = 0; first < windows.count; first += B) {
      const rows = windows.inputs.slice(first * width, (first + B) * width);
      const inputs = rows.length === B * width ? rows : padded(rows, B * width);
      const result = await executable.run({ inputs });
      const found = result["predictions"]!;
      for (let i = 0; i < (rows.length / width) * T; i++) predictions[first * T + i] = found[i]!;
    }
    return scoreTask(windows, predictions);
  };
  return { run, dispose: () => executable.dispose() };
}

/** The rows, and zeros up to a whole batch. */
function padded(rows: Int32Array | Float32Array, size: number): Int32Array | Float32Array {
  const whole = rows instanceof Int32Array ? new Int32Array(size) : new Float32Array(size);
  whole.set(rows);
  return whole;
}
