import { describe, expect, test } from "vitest";
import { buildSpec, canonicalSpec, loadSpec, shippedSpecs } from "../spec/index.ts";
import { describeModel } from "./index.ts";

const built = (name: string) => buildSpec(loadSpec(name), { tokens: 1 });

describe("the length that costs are counted at, where none is given", () => {
  const overGrids = shippedSpecs("published").filter((name) => built(name).model.length !== undefined);

  test("is that of the picture, where the embedding says its grid", () => {
    expect(overGrids).toEqual(
      ["convnext", "mlp-mixer", "poolformer", "resnet-20", "vit"].map((name) => `published/${name}`),
    );
    for (const name of overGrids) {
      const { flops } = describeModel(built(name));
      expect(flops.context).toBe(built(name).model.length);
      expect(flops.prefill).toBeGreaterThan(0);
    }
  });

  test("is 512 tokens, or as many as there are positions", () => {
    const described = (max: number) => {
      const embedding = { kind: "token", positions: { kind: "learned", max } };
      const spec = canonicalSpec({ name: "m", width: 8, embedding, layers: [{ mixer: { kind: "lstm" } }] });
      return describeModel(buildSpec(spec, { tokens: 5 })).flops.context;
    };
    expect([described(4096), described(128)]).toEqual([512, 128]);
  });

  test("another one than the picture's is refused", () => {
    expect(() => describeModel(built("published/poolformer"), { context: 512 })).toThrow(
      "context: expected 3136 tokens, the cells of the embedding's grid, got 512. Leave it out. [E_LENGTH]",
    );
  });
});

test("the components of both stacks are described, what reads the encoder too", () => {
  const attention = { kind: "attention", heads: 2 } as const;
  const spec = canonicalSpec({
    name: "pair",
    width: 8,
    encoder: { layers: [{ mixer: { ...attention, causal: false } }] },
    layers: [{ mixer: { kind: "gru" }, cross: { kind: "linear-cross-attention", heads: 2 }, channel: { kind: "mlp" } }],
    objective: { kind: "sequence-to-sequence" },
  });
  const { components, stateBytes } = describeModel(buildSpec(spec, { tokens: 5 }));
  expect(components.map(({ kind }) => kind)).toEqual([
    ...["attention", "rmsnorm", "gru", "linear-cross-attention", "mlp"],
  ]);
  const [state, sums] = [8, 2 * (4 + 1) * 4];
  expect(stateBytes).toMatchObject({ 1024: 4 * (state + sums), 65536: 4 * (state + sums) });
});
