import type { Engine, Values } from "../../engine/index.ts";
import type { BuiltModel } from "../../spec/index.ts";
import { fail, input } from "../../tensor/index.ts";
import { evaluationIo, inputSource } from "../../train/index.ts";
import { classesOf, ridge } from "./ridge.ts";
import { streamPaths } from "./trace.ts";

export interface ProbedTexts {
  /** Texts of `length` ids, one after the other; the first half fits the probes, the second tests them. */
  ids: Int32Array;
  length: number;
  /** For every id what a probe is to tell of it, 0 … classes − 1; −1 where nothing is asked. */
  labels: Int32Array;
  classes: number;
  /** Of the squared weights. */
  penalty?: number;
}

/** What a linear probe of one stream tells. */
export interface LayerProbe {
  /** Of the stream. */
  path: string;
  /** Share of the asked tokens of the second half that it tells right. */
  accuracy: number;
  /** That of always saying the most frequent label of the first half. */
  chance: number;
}

/**
 * What is linearly readable of the stream below the first layer and behind each: a ridge regression to one-hot labels (Alain &
 * Bengio 2016, arXiv 1610.01644). The model's parameters must be resident in the engine. Throws E_PROBE.
 */
export async function probeLayers(engine: Engine, { model }: BuiltModel, texts: ProbedTexts): Promise<LayerProbe[]> {
  const { ids, length: T, labels, classes, penalty = 1 } = texts;
  const B = ids.length / T;
  const reject = (expected: string, got: string) => fail({ code: "E_PROBE", where: "probed texts", expected, got });
  if (!Number.isInteger(B) || B < 2) reject(`two texts of ${T} ids or more`, `${ids.length} ids`);
  if (labels.length !== ids.length) reject(`${ids.length} labels`, String(labels.length));
  if (model.readsSource || model.input.kind !== "ids") reject("a model that reads ids alone", model.spec.name);
  const { probes, ...rest } = model.forward(input("ids", [B, T], "i32"), { source: inputSource(), io: evaluationIo() });
  const paths = streamPaths({ probes, ...rest });
  const executable = await engine.compile({ outputs: Object.fromEntries(paths.map((path) => [path, probes[path]!])) });
  const values: Values = await executable.run({ ids });
  await executable.dispose();
  const half = Math.floor(B / 2) * T;
  return paths.map((path) => {
    const D = probes[path]!.dim(-1);
    const [fit, test] = [
      part(values[path]!, { labels, D, from: 0, to: half }),
      part(values[path]!, { labels, D, from: half, to: ids.length }),
    ];
    if (fit.labels.length === 0 || test.labels.length === 0) reject("labels in both halves", "none in one");
    const y = Float64Array.from(
      fit.labels.flatMap((label) => Array.from({ length: classes }, (_, c) => Number(c === label))),
    );
    const told = classesOf(test.x, ridge({ x: fit.x, y, D, M: classes }, penalty));
    const frequent = mostFrequent(fit.labels, classes);
    const share = (right: (label: number, n: number) => boolean) =>
      test.labels.filter(right).length / test.labels.length;
    return { path, accuracy: share((label, n) => told[n] === label), chance: share((label) => label === frequent) };
  });
}

/** The asked tokens among some: their vectors and labels. */
function part(
  values: ArrayLike<number>,
  { labels, D, from, to }: { labels: Int32Array; D: number; from: number; to: number },
): { x: Float64Array; labels: number[] } {
  const asked = Array.from({ length: to - from }, (_, i) => from + i).filter((n) => labels[n]! >= 0);
  const x = Float64Array.from(asked.flatMap((n) => Array.from({ length: D }, (_, d) => values[n * D + d]!)));
  return { x, labels: asked.map((n) => labels[n]!) };
}

function mostFrequent(labels: readonly number[], classes: number): number {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label]!++;
  return counts.indexOf(Math.max(...counts));
}
