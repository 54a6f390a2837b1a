import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { runReference } from "../engine/index.ts";
import { initialise } from "../model/index.ts";
import { buildSpec, canonicalSpec } from "../spec/index.ts";
import { input, inputsOf, type Op, scan, type Tensor } from "../tensor/index.ts";
import { nativeEngine } from "../testing/index.ts";
import type { OpRow, OpSample } from "../testing/op-samples.fixture.ts";
import { opTable } from "../testing/op-table.fixture.ts";
import { trainingProgram } from "../train/index.ts";
import { objectiveLosses } from "../train/objectives/index.ts";
import { grad, vectorise } from "./index.ts";

const places = 3;

/** The values of one place: those of a sample, turned by it. */
const turned = (values: readonly number[], place: number) => values.map((_, i) => values[(i + place) % values.length]!);

/** Whether operand i differs from place to place: every combination but that of none, by number. */
const differs = (choice: number, count: number) => (i: number) => (((choice % (2 ** count - 1)) + 1) >> i) % 2 === 1;

function outputsOf({ operands, build }: OpSample, smooth: boolean) {
  const leaves = operands.map(({ shape, dtype }, i) => input(`x${i}`, shape, dtype));
  const outputs = build(leaves);
  const floats = leaves.filter(({ dtype }) => dtype === "f32");
  const squares = outputs.filter(({ dtype }) => dtype === "f32").map((y) => y.square().sum());
  const loss = squares.length > 0 && smooth ? squares.reduce((sum, y) => sum.add(y)) : undefined;
  const slopes = loss ? grad(loss, floats).flatMap((g) => g ?? []) : [];
  return { leaves, tensors: [...outputs, ...slopes] };
}

/** All places at once, and each alone: outputs and gradients. */
function compare(sample: OpSample, { choice, smooth }: { choice: number; smooth: boolean }): void {
  const { leaves, tensors } = outputsOf(sample, smooth);
  const isOwn = differs(choice, leaves.length);
  const own = leaves.filter((_, i) => isOwn(i));
  const batched = new Map(own.map((t) => [t, input(`all ${leaves.indexOf(t)}`, [places, ...t.shape], t.dtype)]));
  const valuesAt = (place: number) =>
    sample.operands.map(({ values }, i) => (isOwn(i) ? turned(values, place) : values));
  const together = runReference(vectorise(tensors, batched), {
    ...Object.fromEntries(sample.operands.map(({ values }, i) => [`x${i}`, values])),
    ...Object.fromEntries(
      leaves.map((_, i) => [`all ${i}`, Array.from({ length: places }, (_, place) => valuesAt(place)[i]!).flat()]),
    ),
  });
  for (let place = 0; place < places; place++) {
    const alone = runReference(tensors, Object.fromEntries(valuesAt(place).map((values, i) => [`x${i}`, values])));
    for (const [k, expected] of alone.entries()) {
      const actual = together[k]!.subarray(place * expected.length, (place + 1) * expected.length);
      expect(actual.length).toBe(expected.length);
      const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
      for (const [j, value] of expected.entries())
        if (!Object.is(actual[j], value)) expect(Math.abs(actual[j]! - value) / scale).toBeLessThan(1e-11);
    }
  }
}

describe("several places of every op at once", () => {
  const ops = Object.entries(opTable).filter(([op]) => op !== "input" && op !== "constant") as [Op, OpRow][];
  test.each(ops)("%s: as one after the other, whichever operands differ", (_, { samples, gradient }) => {
    const check = (sample: OpSample, choice: number) => {
      if (sample.operands.length > 0) compare(sample, { choice, smooth: gradient === "smooth" });
    };
    fc.assert(fc.property(samples, fc.integer({ min: 0, max: 1000 }), check), { numRuns: 15, seed: 20261123 });
  });

  test("a scan whose states alone, whose inputs alone, or whose captures alone differ", () => {
    const sizes = { h: [2], x: [4, 2], w: [2, 2] };
    const build = ([h, x, w]: readonly Tensor[]) => {
      const step = ([s]: readonly Tensor[], [v]: readonly Tensor[]) => {
        const next = s!.unsqueeze(0).matmul(w!).squeeze(0).add(v!).tanh();
        return { states: [next], ys: [next.mul(2)] };
      };
      const { states, ys } = scan({ init: [h!], xs: [x!], step });
      return [...states, ...ys];
    };
    const operands = Object.values(sizes).map((shape, k) => {
      const length = shape.reduce((product, dim) => product * dim, 1);
      return { shape, dtype: "f32" as const, values: Array.from({ length }, (_, i) => Math.sin(i * 1.3 + k)) };
    });
    for (let choice = 0; choice < 7; choice++) compare({ operands, build }, { choice, smooth: true });
  });
});

describe("several seeds", () => {
  const layer = { mixer: { kind: "attention", heads: 2 }, channel: { kind: "swiglu" } };
  const built = buildSpec(
    canonicalSpec({ name: "seeds", width: 8, dropout: 0.2, layers: [layer, { mixer: { kind: "lstm" } }] }),
    { tokens: 11 },
  );
  const { outputs } = trainingProgram(built, objectiveLosses["next-token"], { batch: 2, length: 6 });
  const names = Object.keys(outputs);
  const seeds = [1, 2, 5];
  const batch = {
    inputs: Int32Array.from({ length: 12 }, (_, i) => (i * 5) % 11),
    targets: Int32Array.from({ length: 12 }, (_, i) => (i * 3 + 1) % 11),
    "random.step": Uint32Array.of(4),
  };

  test("their losses and gradients in one program are those of each, with parameters and draws of its own", async () => {
    const shapes = [...built.model.parameters].map(([path, { shape }]) => [path, shape] as const);
    const drawn = seeds.map((seed) => initialise(built.model, seed));
    const found = inputsOf({ outputs });
    const wide = new Map(
      [...shapes.map(([path]) => path), "random.seed"].map((name) => {
        const leaf = found.get(name)!;
        return [leaf, input(name, [seeds.length, ...leaf.shape], leaf.dtype)] as const;
      }),
    );
    const engine = nativeEngine();
    const all = vectorise(Object.values(outputs), wide);
    const together = await engine.compile({ outputs: Object.fromEntries(names.map((name, i) => [name, all[i]!])) });
    const values = await together.run({
      ...batch,
      "random.seed": Uint32Array.from(seeds),
      ...Object.fromEntries(
        shapes.map(([path]) => [path, Float32Array.from(drawn.flatMap((one) => [...one.get(path)!]))]),
      ),
    });
    const single = await engine.compile({ outputs });
    for (const [place, seed] of seeds.entries()) {
      const alone = await single.run({
        ...batch,
        ...Object.fromEntries(drawn[place]!),
        "random.seed": Uint32Array.of(seed),
      });
      for (const name of names) {
        const size = outputs[name]!.size;
        const own = Array.from(values[name]!, Number).slice(place * size, (place + 1) * size);
        const scale = Math.max(1e-3, ...Array.from(alone[name]!, (value) => Math.abs(Number(value))));
        for (const [i, value] of own.entries())
          expect(Math.abs(value - Number(alone[name]![i])) / scale, `${name}, seed ${seed}`).toBeLessThan(1e-4);
      }
    }
    expect(new Set(values["loss"]).size).toBe(seeds.length);
    await together.dispose();
    await single.dispose();
  });

  test("values of another shape, or none, are refused", () => {
    const x = input("x", [2]);
    expect(() => vectorise([x.exp()], new Map([[x, input("all", [3, 4])]]))).toThrow(
      /vectorise: expected f32 \[3, 2\], got f32 \[3, 4\]\. \[E_VECTORISE\]/,
    );
    expect(() => vectorise([x.exp()], new Map())).toThrow(/E_VECTORISE/);
  });
});
