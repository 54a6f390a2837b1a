import { expect, test } from "vitest";
import { buildSpec, canonicalSpec } from "../../spec/index.ts";
import { constant } from "../../tensor/index.ts";
import { expectNativeAgrees, gradCheck, plainIo, randomNormal, run, weightsFrom } from "../../testing/index.ts";
import { modalities, pointFeatures } from "./modalities.ts";

const [words, sides, width] = [3, [2, 3], 4];
const c = modalities.config.parse({ words, sides, octaves: 1 });
const d = modalities.dims(c, width, 11);
const inputs = {
  table: randomNormal("table", [d.W, width]),
  project: randomNormal("project", [d.F, width]),
  bias: randomNormal("bias", [width]),
};
const ids = constant([0, 2, 3, 8, 9, 10], [2, 3], "i32");
const embedded = (at: Readonly<Record<string, ReturnType<typeof constant>>>) =>
  modalities.forward(ids, { c, d, p: weightsFrom(at) as never, b: {}, io: plainIo("eval") });

test("words have rows of their own, points what the map makes of their coordinates", () => {
  expect(d).toEqual({ D: width, W: 5, M: 6, F: 6 });
  const { y } = run({ inputs, build: (at) => ({ y: embedded(at) }) });
  const word = (row: number) => [...inputs.table.data.slice(row * width, (row + 1) * width)];
  const point = (row: number, column: number) => {
    const features = [2 * row - 1, column - 1].flatMap((u) => [u, Math.sin(Math.PI * u), Math.cos(Math.PI * u)]);
    return Array.from({ length: width }, (_, j) =>
      features.reduce((sum, feature, i) => sum + feature * inputs.project.data[i * width + j]!, inputs.bias.data[j]!),
    );
  };
  const expected = [word(0), word(2), point(0, 0), point(1, 2), word(3), word(4)].flat();
  y!.data.forEach((value, i) => void expect(value).toBeCloseTo(expected[i]!, 12));
  expect(pointFeatures({ sides, octaves: 1 })).toHaveLength(6);
});

test("gradients are central differences, and the native engine agrees", async () => {
  gradCheck(embedded, inputs);
  await expectNativeAgrees({ inputs, build: (at) => ({ y: embedded(at) }) });
});

test("in a model a tied head scores the points by the map too, and too few ids are refused", () => {
  const spec = {
    name: "m",
    width: 8,
    embedding: { kind: "modalities", words, sides },
    layers: [{ mixer: { kind: "gru" } }],
  };
  const { model } = buildSpec(canonicalSpec({ ...spec, head: { kind: "lm", tied: true } }), { tokens: 9 });
  expect(model.parameters.get("embedding.table")!.shape).toEqual([words, 8]);
  expect([...model.parameters.keys()].some((path) => path.startsWith("head."))).toBe(false);
  expect(() => buildSpec(canonicalSpec(spec), { tokens: 8 })).toThrow(/at most 5 points.*E_EMBEDDING_MODALITIES/);
});
