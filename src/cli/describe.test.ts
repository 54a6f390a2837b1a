import { describe, expect, test, vi } from "vitest";
import { describeModel } from "../analysis/index.ts";
import { createNodeEngine, mergeScans } from "../engine/index.ts";
import { kernels } from "../engine/reference/kernels.ts";
import { compileReference } from "../engine/reference.ts";
import { Decoder, putParameters } from "../generate/index.ts";
import { initialise, parameterCount, stateShape } from "../model/index.ts";
import { type BuiltModel, buildSpec, loadSpec, type ObjectiveKind, shippedSpecs } from "../spec/index.ts";
import { input, type Node, type PrimitiveOp, reduceOps, sizeOf, type Tensor } from "../tensor/index.ts";
import {
  createTraining,
  evaluationIo,
  inputSource,
  objectiveLosses,
  trainingProgram,
  trainingSchema,
} from "../train/index.ts";
import { describeText } from "./describe-text.ts";
import { runCli } from "./frame/run-cli.ts";

const tokens = 300;
const context = 8;

describe.each(shippedSpecs())("%s", (name) => {
  const built = buildSpec(loadSpec(name), { tokens });
  const description = describeModel(built, { context });

  test("parameters are the elements of the buffers that a trainer holds", async () => {
    const engine = createNodeEngine({ threads: 1 });
    const ids = Int32Array.from({ length: 100 }, (_, i) => i);
    const training = await createTraining(engine, built, {
      ids,
      config: trainingSchema.parse({ steps: 1, batch: 1, length: context }),
    });
    const { weights, optimizer } = await training.snapshot();
    const buffers = [...built.model.buffers.keys()];
    const live = Object.entries(weights).filter(([path]) => !buffers.includes(path));
    expect(live.reduce((sum, [, { data }]) => sum + data.length, 0)).toBe(description.parameters);
    expect(Object.values(optimizer).reduce((sum, { data }) => sum + data.length, 0)).toBe(2 * description.parameters);
    await engine.close();
  });

  test("FLOPs are what the reference engine's kernels do, counted as they run", () => {
    const { flops } = description;
    expect(countedFlops(built, trainOutputs(built))).toBe(flops.train * context);
    expect(countedFlops(built, prefillOutputs(built))).toBe(flops.prefill * context);
    if (flops.decode === null) expect(built.model.decodes).toBe(false);
    else expect(countedFlops(built, decodeOutputs(built))).toBe(flops.decode);
  });

  test("activation bytes are those of the arrays that the backward pass reads of the forward pass as both run", () => {
    expect(keptBytes(built)).toBe(description.activationBytes);
  });

  test("state bytes are those of the values that decoding keeps in the engine", async () => {
    if (description.stateBytes === null) return expect(built.model.decodes).toBe(false);
    const engine = createNodeEngine({ threads: 1 });
    await putParameters(engine, built.model, initialise(built.model, 0));
    const decoder = new Decoder(engine, built.model, { prefix: "live/" });
    for (const length of [1024, 4096] as const) {
      await decoder.skipTo(length);
      let live = 0;
      for (const resident of decoder.residents) live += 4 * (await engine.get(resident)).length;
      expect(live, `${length} tokens`).toBe(description.stateBytes[length]);
    }
    await engine.close();
  });

  test("the text names every layer, figure, equation and citation", () => {
    const text = describeText(description);
    expect(text).toContain(description.title);
    expect(text).toContain(description.parameters.toLocaleString("en-US"));
    for (const { title, cite } of description.components) {
      expect(text).toContain(title);
      expect(text).toContain(cite);
    }
    expect(text).not.toMatch(/undefined|NaN|null/);
  });
});

function trainOutputs(built: BuiltModel): Tensor[] {
  const objective = objectiveLosses[built.model.spec.objective.kind as ObjectiveKind];
  return Object.values(trainingProgram(built, objective, { batch: 1, length: context }).outputs);
}

function prefillOutputs({ model }: BuiltModel): Tensor[] {
  const { logits, state } = model.forward(input("inputs", [1, context], "i32"), {
    source: inputSource(),
    io: evaluationIo(),
  });
  return [logits, ...Object.values(state)];
}

function decodeOutputs({ model }: BuiltModel): Tensor[] {
  const state = Object.fromEntries(
    [...model.states].map(([path, declaration]) => [
      path,
      input(`state/${path}`, [1, ...stateShape(declaration, context)]),
    ]),
  );
  const io = { ...evaluationIo(), length_B: input("length", [1], "i32") };
  const result = model.step(input("id", [1], "i32"), { source: inputSource(), io, state });
  return [result.logits, ...Object.values(result.state)];
}

const free = new Set<PrimitiveOp>([
  "input",
  "constant",
  "cast",
  "stopGradient",
  "reshape",
  "transpose",
  "expand",
  "concat",
  "slice",
  "pad",
  "flip",
  "gather",
  "gatherElements",
  "scan",
]);
const perInput = new Set<PrimitiveOp>([...reduceOps, "argmax", "topk", "cumsum"]);

/** Operations of one kernel call, from the lengths of the arrays that it was given and that it made. */
function operations(node: Node<PrimitiveOp>, given: readonly Float64Array[], made: readonly Float64Array[]): number {
  if (free.has(node.op)) return 0;
  if (node.op === "scatterAdd") return given[2]!.length;
  if (node.op === "matmul") {
    const { transA } = node.attrs as { transA?: boolean };
    return 2 * made[0]!.length * node.inputs[0]!.dim(transA ? -2 : -1);
  }
  if (node.op === "conv") return 2 * made[0]!.length * node.inputs[1]!.dim(1) * sizeOf(node.inputs[1]!.shape.slice(2));
  if (node.op === "convTranspose")
    return 2 * given[0]!.length * node.inputs[1]!.dim(1) * sizeOf(node.inputs[1]!.shape.slice(2));
  return perInput.has(node.op) ? given[0]!.length : made[0]!.length;
}

/** A kernel's call from outside all scans. */
interface Call {
  node: Node<PrimitiveOp>;
  given: readonly Float64Array[];
  made: readonly Float64Array[];
}

/** Runs a graph with every kernel watched, scan bodies at each of their turns; `depth` counts the scans around a call. */
function watched(
  outputs: readonly Tensor[],
  feeds: Record<string, ArrayLike<number>>,
  seen: (call: Call, depth: number) => void,
): void {
  let depth = 0;
  const table = kernels as unknown as Record<
    string,
    (node: Node<PrimitiveOp>, plan: unknown) => (values: Float64Array[]) => Float64Array[]
  >;
  const spies = Object.keys(table).map((op) => {
    const make = table[op]!;
    return vi.spyOn(table, op).mockImplementation((node, plan) => {
      const kernel = make(node, plan);
      return (values) => {
        depth++;
        const made = kernel(values);
        depth--;
        seen({ node, given: values, made }, depth);
        return made;
      };
    });
  });
  try {
    compileReference(outputs).run(feeds);
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

function countedFlops({ model }: BuiltModel, outputs: readonly Tensor[]): number {
  let count = 0;
  watched(outputs, feedsOf(model), ({ node, given, made }) => {
    count += operations(node, given, made);
  });
  return count;
}

/**
 * Bytes of what kernels of the forward pass made from the batch and kernels of the backward pass were given. Every scan is
 * merged with the one that stacks what its gradient reads, as engines do.
 */
function keptBytes(built: BuiltModel): number {
  const { model } = built;
  const feeds = feedsOf(model);
  const parameters = [...model.parameters.keys()].map((path) => Float64Array.from(feeds[path]!));
  for (const [i, path] of [...model.parameters.keys()].entries()) feeds[path] = parameters[i]!;
  const calls: Call[] = [];
  watched(mergeScans(trainOutputs(built)), feeds, (call, depth) => void (depth === 0 && calls.push(call)));
  const fixed = new Set<Float64Array>(parameters);
  const forward = new Map<Float64Array, number>();
  const kept = new Map<Float64Array, number>();
  for (const { node, given, made } of calls) {
    const backward = node.origin.pass === "backward";
    if (backward) for (const array of given) if (forward.has(array)) kept.set(array, forward.get(array)!);
    if (given.every((array) => fixed.has(array))) for (const array of made) fixed.add(array);
    else if (!backward)
      for (const [i, array] of made.entries()) if (!forward.has(array)) forward.set(array, node.outputs[i]!.bytes);
  }
  return [...kept.values()].reduce((sum, bytes) => sum + bytes, 0);
}

function feedsOf(model: BuiltModel["model"]): Record<string, ArrayLike<number>> {
  const ids = Array.from({ length: context }, (_, i) => i + 1);
  const states = [...model.states].map(
    ([path, declaration]) => [`state/${path}`, new Float64Array(sizeOf(stateShape(declaration, context)))] as const,
  );
  const buffers = [...model.buffers].map(([path, shape]) => [path, new Float64Array(sizeOf(shape))] as const);
  return {
    ...Object.fromEntries([...initialise(model, 0), ...states, ...buffers]),
    inputs: ids,
    id: [1],
    targets: ids,
    length: [context],
    "random.seed": [0],
    "random.step": [0],
  };
}

test("seqlab describe prints both forms", async () => {
  const written: string[] = [];
  const spy = vi.spyOn(process.stdout, "write").mockImplementation((text) => written.push(String(text)) > 0);
  const statuses = [
    await runCli(["describe", "lstm", "--vocab", "300", "--context", "8"]),
    await runCli(["describe", "lstm", "--vocab", "300", "--context", "8", "--json"]),
  ];
  spy.mockRestore();
  const description = describeModel(buildSpec(loadSpec("lstm"), { tokens }), { context });
  expect(statuses).toEqual([0, 0]);
  expect(written[0]).toBe(describeText(description));
  expect(JSON.parse(written[1]!)).toEqual(JSON.parse(JSON.stringify(description)));
  expect(parameterCount(buildSpec(loadSpec("lstm"), { tokens }).model.parameters)).toBe(description.parameters);
});
