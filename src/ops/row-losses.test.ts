import { describe, expect, test } from "vitest";
import { peakBytes } from "../engine/index.ts";
import { grad } from "../grad/index.ts";
import { buildSpec, canonicalSpec } from "../spec/index.ts";
import {
  constant,
  input,
  iota,
  type Program,
  softmaxCrossEntropy,
  type Tensor,
  topological,
  where,
} from "../tensor/index.ts";
import { evaluate, expectNativeAgrees, gradCheck, randomNormal, type Subject } from "../testing/index.ts";
import { evaluationProgram, trainingProgram } from "../train/index.ts";
import { objectiveLosses } from "../train/objectives/index.ts";
import { rowLosses } from "./index.ts";

const [B, T, D, C] = [2, 5, 4, 7];
const inputs = {
  x: randomNormal("x", [B, T, D]),
  w: randomNormal("w", [C, D]),
  offset: randomNormal("offset", [C]),
};
const ids = (count: number) =>
  constant(
    Int32Array.from({ length: count }, (_, i) => (i * 3) % C),
    [count],
    "i32",
  );

type Leaves = Readonly<Record<string, Tensor>>;

/** Ways from features to logits that treat rows alike. */
const heads: Readonly<Record<string, (at: Leaves) => Tensor>> = {
  "a product": ({ x, w }) => x!.matmul(w!, { transB: true }),
  "with an offset": ({ x, w, offset }) => x!.matmul(w!, { transB: true }).add(offset!),
  "with a soft cap": ({ x, w }) => x!.matmul(w!, { transB: true }).div(3).tanh().mul(3),
  "without a class": ({ x, w }) => where(iota(C).less(C - 1), x!.matmul(w!, { transB: true }), -1e6),
  "of scaled features": ({ x, w, offset }) =>
    x!.mul(0.5).matmul(w!.mul(offset!.unsqueeze(1)), { transB: true, alpha: 2 }),
  "of some positions": ({ x, w, offset }) =>
    x!
      .matmul(w!, { transB: true })
      .mul(offset!)
      .slice(1, 1, T - 1),
};
/** The last class is no target where it is impossible. */
const targetsOf = (logits: Tensor) =>
  ids(logits.size / C)
    .minimum(C - 2)
    .reshape(logits.shape.slice(0, -1));

const smoothed = (logits: Tensor, targets: Tensor): Tensor =>
  softmaxCrossEntropy(logits, targets).mul(0.9).sub(logits.logSoftmax(-1).mean(-1).mul(0.1));

const subjectOf = (head: (at: Leaves) => Tensor, rows: number, loss = softmaxCrossEntropy): Subject => ({
  inputs,
  build: (at) => {
    const logits = head(at);
    return { nats: rowLosses(logits, targetsOf(logits), loss, rows) };
  },
});

describe("losses some rows at a time", () => {
  test.each(Object.entries(heads))("%s: values and gradients are those of all rows at once", (_, head) => {
    const whole = evaluate(subjectOf(head, 100));
    for (const rows of [1, 3, 4]) {
      const { outputs, gradients } = evaluate(subjectOf(head, rows));
      expect(outputs["nats"]!).toBeAllclose(whole.outputs["nats"]!, { tolerance: 1e-12 });
      for (const name of Object.keys(inputs))
        expect(gradients[name]!, `${name}, ${rows} rows`).toBeAllclose(whole.gradients[name]!, { tolerance: 1e-12 });
    }
  });

  test("so are those with smoothed targets, and central differences agree", () => {
    const whole = evaluate(subjectOf(heads["with a soft cap"]!, 100, smoothed));
    const some = evaluate(subjectOf(heads["with a soft cap"]!, 3, smoothed));
    expect(some.gradients["w"]!).toBeAllclose(whole.gradients["w"]!, { tolerance: 1e-12 });
    gradCheck(subjectOf(heads["with a soft cap"]!, 3, smoothed).build, inputs);
  });

  test("and the native engine's", () => expectNativeAgrees(subjectOf(heads["with an offset"]!, 3)));

  test("a gradient of the gradient is that of all rows at once", () => {
    const twice = (rows: number): Subject => ({
      inputs,
      build: (at) => {
        const logits = heads["with a soft cap"]!(at);
        const loss = rowLosses(logits, targetsOf(logits), softmaxCrossEntropy, rows).sum();
        const [dx, dw] = grad(loss, [at.x!, at.w!]);
        return { slope: dx!.square().sum().add(dw!.square().sum()) };
      },
    });
    const [whole, some] = [evaluate(twice(100)), evaluate(twice(3))];
    for (const name of ["x", "w"])
      expect(some.gradients[name]!).toBeAllclose(whole.gradients[name]!, { tolerance: 1e-11 });
  });

  test("logits that rows do not make alone are left whole", () => {
    const mixing = ({ x, w }: Leaves) =>
      x!.matmul(w!, { transB: true }).sub(x!.matmul(w!, { transB: true }).mean(1, true));
    const leaves = Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, input(name, shape)]));
    const opsOf = (head: (at: Leaves) => Tensor) => {
      const logits = head(leaves);
      return topological([rowLosses(logits, targetsOf(logits), softmaxCrossEntropy, 3)]).map(({ op }) => op);
    };
    expect(opsOf(mixing)).not.toContain("custom");
    expect(opsOf(heads["a product"]!)).toContain("custom");
  });
});

describe("memory of a head over 50,257 ids", () => {
  const built = (vocabulary: number, extra: object = {}) =>
    buildSpec(canonicalSpec({ name: "wide", width: 64, layers: [{ mixer: { kind: "lstm" } }], ...extra }), {
      tokens: vocabulary,
    });
  const peak = ({ outputs }: Program) => peakBytes(Object.values(outputs));
  const shape = { batch: 4, length: 512 };
  const logits = 4 * 4 * 512 * 50_257;

  test("a training step holds a fraction of its logits at a time; held at once they are there several times", () => {
    const step = (extra: object = {}) => trainingProgram(built(50_257, extra), objectiveLosses["next-token"], shape);
    expect(peak(step())).toBeLessThan(logits / 2);
    expect(peak(step({ objective: { kind: "next-token", labelSmoothing: 0.1 } }))).toBeLessThan(logits / 2);
    const [x, w] = [input("x", [2048, 64]), input("w", [50_257, 64])];
    const loss = softmaxCrossEntropy(x.matmul(w, { transB: true }), input("targets", [2048], "i32")).mean();
    expect(peakBytes([loss, ...(grad(loss, [x, w]) as Tensor[])])).toBeGreaterThan(2 * logits);
  });

  test("so does an evaluation, and small vocabularies are left as they were", () => {
    expect(peak(evaluationProgram(built(50_257), objectiveLosses["next-token"], shape))).toBeLessThan(logits / 2);
    const { outputs } = trainingProgram(built(65), objectiveLosses["next-token"], shape);
    expect(topological(Object.values(outputs)).some(({ op }) => op === "custom")).toBe(false);
  });
});
