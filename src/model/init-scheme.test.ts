import { expect, test } from "vitest";
import { buildSpec, canonicalSpec } from "../spec/index.ts";
import { type InitScheme, initialise, type Model } from "./index.ts";

const width = 128;

const modelOf = (init?: InitScheme): Model => {
  const layer = { mixer: { kind: "attention", heads: 4 }, channel: { kind: "mlp", bias: true }, repeat: 2 } as const;
  return buildSpec(canonicalSpec({ name: "start", width, layers: [layer], ...(init && { init }) }), { tokens: 50 })
    .model;
};

/** Matrices by path: inputs, outputs and drawn values. */
function matrices(model: Model) {
  const values = initialise(model, 3);
  return [...model.parameters].flatMap(([path, { role, shape }]) =>
    role === "matrix" ? [{ path, inputs: shape[0]!, outputs: shape[1]!, values: values.get(path)! }] : [],
  );
}

const mean = (values: Float32Array, of: (value: number) => number): number =>
  values.reduce((sum, value) => sum + of(value), 0) / values.length;

test("[xavier-init] variances of matrices are 2 / (inputs + outputs) within 2 %, and the uniform form keeps its bounds exactly", () => {
  for (const init of ["xavier-uniform", "xavier-normal"] as const) {
    const model = modelOf(init);
    expect(model.spec.init).toBe(init);
    const drawn = matrices(model);
    expect(drawn.map(({ path }) => path)).toContain("layers.1.channel.up");
    expect(new Set(drawn.map(({ inputs, outputs }) => `${inputs} ${outputs}`)).size).toBeGreaterThan(2);
    for (const { path, inputs, outputs, values } of drawn) {
      const variance = mean(values, (value) => value ** 2) - mean(values, (value) => value) ** 2;
      expect(Math.abs((variance * (inputs + outputs)) / 2 - 1), `${init} ${path}`).toBeLessThan(0.02);
      const bound = Math.fround(Math.sqrt(6 / (inputs + outputs)));
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      if (init === "xavier-normal") expect(largest).toBeGreaterThan(bound);
      else {
        expect(largest).toBeLessThanOrEqual(bound);
        expect(largest).toBeGreaterThan(0.999 * bound);
      }
    }
  }
});

test("a way to start concerns matrices alone: tables, gains and offsets stay as declared", () => {
  const [own, xavier] = [initialise(modelOf(), 3), initialise(modelOf("xavier-uniform"), 3)];
  const changed = [...own.keys()].filter((path) => own.get(path)!.some((value, i) => value !== xavier.get(path)![i]));
  expect(changed).toEqual(matrices(modelOf()).map(({ path }) => path));
  expect(() => canonicalSpec({ name: "start", width, layers: [{ mixer: { kind: "gru" } }], init: "xavier" })).toThrow(
    /init.*xavier-uniform/,
  );
});
