import { describe, expect, test } from "vitest";
import { compileReference } from "../engine/index.ts";
import { nearestRow } from "../ops/index.ts";
import { buildSpec, canonicalSpec, type SpecInput } from "../spec/index.ts";
import { input } from "../tensor/index.ts";
import { evaluate, randomNormal, run } from "../testing/index.ts";
import { modelSuite } from "../testing/model-suite.ts";
import { evaluationIo, inputSource } from "../train/index.ts";
import { initialise } from "./index.ts";

const [C, D, tokens] = [7, 4, 6];
const layer = { mixer: { kind: "attention", heads: 2 }, channel: { kind: "mlp" } } as const;
const specOf = (loop: NonNullable<SpecInput["loop"]>, more: Partial<SpecInput> = {}) =>
  canonicalSpec({ name: "discrete", width: 8, layers: [layer], loop, ...more });

describe("a model whose rounds leave tokens", () => modelSuite(specOf({ times: 3, discretise: true })));

describe("states that become tokens again", () => {
  const inputs = { x: randomNormal("x", [5, D]), table: randomNormal("table", [C, D]) };

  test("[discrete-bottleneck] what leaves is the nearest row, bit for bit, and stays it", () => {
    const { once, twice } = run({
      inputs,
      build: ({ x, table }) => {
        const once = nearestRow(x!, table!);
        return { once, twice: nearestRow(once, table!) };
      },
    });
    const row = (data: Float64Array, n: number) => [...data.slice(n * D, (n + 1) * D)];
    const distance = (a: number[], b: number[]) => a.reduce((sum, v, i) => sum + (v - b[i]!) ** 2, 0);
    for (let n = 0; n < 5; n++) {
      const rows = Array.from({ length: C }, (_, c) => row(inputs.table.data, c));
      const x = row(inputs.x.data, n);
      const nearest = rows.toSorted((a, b) => distance(a, x) - distance(b, x))[0];
      expect(row(once!.data, n)).toEqual(nearest);
    }
    expect(twice).toEqual(once);
  });

  test("its gradients are those of the mixture by softmax", () => {
    const mixture = evaluate({
      inputs,
      build: ({ x, table }) => {
        const scores = x!.matmul(table!, { transB: true }).sub(table!.square().sum(-1).div(2));
        return { y: scores.softmax(-1).matmul(table!.stopGradient()) };
      },
    });
    const hard = evaluate({ inputs, build: ({ x, table }) => ({ y: nearestRow(x!, table!) }) });
    expect(hard.gradients.x!).toBeAllclose(mixture.gradients.x!, { tolerance: 1e-12 });
    expect(hard.gradients.table!.data.every(Number.isFinite)).toBe(true);
  });

  test("[discrete-bottleneck] behind every round of a loop but the last the stream is one of the table's rows", () => {
    const { model } = buildSpec(specOf({ times: 3, discretise: true }), { tokens });
    const values = initialise(model, 1);
    const ids = Int32Array.of(0, 5, 2, 2);
    const { probes } = model.forward(input("ids", [1, 4], "i32"), { source: inputSource(), io: evaluationIo() });
    const streams = [0, 1, 2].map((n) => probes[`layers.${n}.stream`]!);
    const found = compileReference(streams).run({ ids, ...Object.fromEntries(values) });
    const table = values.get("embedding.table")!;
    const rows = new Set(Array.from({ length: tokens }, (_, c) => [...table.slice(c * 8, (c + 1) * 8)].join()));
    const known = (stream: Float64Array) =>
      [0, 1, 2, 3].map((t) => rows.has([...stream.slice(t * 8, (t + 1) * 8)].join()));
    expect(known(found[0]!)).toEqual([true, true, true, true]);
    expect(known(found[1]!)).toEqual([true, true, true, true]);
    expect(known(found[2]!)).toEqual([false, false, false, false]);
  });

  test("an embedding without rows, or another use of rounds, is refused", () => {
    expect(() => specOf({ times: 2, discretise: true, halt: {} })).toThrow(
      /got discretise and halt\. \[E_SPEC_ROUNDS\]$/,
    );
    const spec = specOf({ times: 2, discretise: true }, { embedding: { kind: "features", size: 2 } });
    expect(() => buildSpec(spec, { tokens })).toThrow(/an embedding of kind token.*got features\. \[E_SPEC_ROUNDS\]/);
  });
});
