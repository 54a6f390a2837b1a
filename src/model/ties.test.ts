import { describe, expect, test } from "vitest";
import { compileReference } from "../engine/index.ts";
import { grad } from "../grad/index.ts";
import { createRng } from "../ops/index.ts";
import { buildSpec, canonicalSpec, type SpecInput } from "../spec/index.ts";
import { input, softmaxCrossEntropy } from "../tensor/index.ts";
import { evaluationIo, inputSource } from "../train/index.ts";
import { initialise, type Model, parameterCount } from "./index.ts";

const [tokens, width] = [9, 8];
const attention = { kind: "attention", heads: 2 } as const;
const mlp = { kind: "mlp", hidden: 16 } as const;
const layer = { mixer: attention, channel: mlp } as const;

const modelOf = (options: Partial<SpecInput> & Pick<SpecInput, "layers">): Model =>
  buildSpec(canonicalSpec({ name: "tied", width, ...options }), { tokens }).model;

const count = (model: Model) => parameterCount(model.parameters);

/** Gradients of a model's loss by path, with these values. */
function gradients(model: Model, values: ReadonlyMap<string, Float32Array>): Map<string, Float64Array> {
  const rng = createRng(5);
  const ids = () => Int32Array.from({ length: 12 }, () => rng.below(tokens));
  const source = inputSource();
  const { logits } = model.forward(input("ids", [2, 6], "i32"), {
    source,
    io: evaluationIo(),
    ...(model.readsSource && { from: { ids_BS: input("source", [2, 6], "i32") } }),
  });
  const loss = softmaxCrossEntropy(logits, input("targets", [2, 6], "i32")).sum();
  const paths = [...source.leaves.keys()];
  const wanted = grad(loss, [...source.leaves.values()]).map((g) => g!);
  const feeds = { ids: ids(), targets: ids(), source: ids(), ...Object.fromEntries(values) };
  const results = compileReference(wanted).run(feeds);
  return new Map(paths.map((path, i) => [path, results[i]!]));
}

/** Gradients of the tied model are the sums over those of the other, where its parameters have their owners' values. */
function expectSummed(tied: Model, apart: Model, owner: (path: string) => string): void {
  const values = initialise(tied, 1);
  const paths = [...apart.parameters.keys()];
  const copies = new Map(paths.map((path) => [path, values.get(owner(path))!]));
  const [own, parts] = [gradients(tied, values), gradients(apart, copies)];
  for (const [path, gradient] of own) {
    const shared = paths.filter((other) => owner(other) === path);
    const sum = gradient.map((_, i) => shared.reduce((total, one) => total + parts.get(one)![i]!, 0));
    gradient.forEach((value, i) => void expect(value).toBeCloseTo(sum[i]!, 10));
  }
}

describe("ties", () => {
  const three = { layers: [{ ...layer, repeat: 3 }] } as const;
  test("[shared-ffn] one channel mixer for all layers: its parameters count once, its gradient is the sum over layers", () => {
    const [apart, tied] = [modelOf(three), modelOf({ ...three, ties: ["layers.*.channel.**"] })];
    const own = 2 * width * 16 + 16 + width;
    expect(count(apart) - count(tied)).toBe(2 * own);
    expect(tied.layers.map(({ parameters }) => parameters)).toEqual([
      apart.layers[0]!.parameters,
      ...[1, 2].map((i) => apart.layers[i]!.parameters - own),
    ]);
    expectSummed(tied, apart, (path) => path.replace(/layers\.\d\.channel\./, "layers.0.channel."));
  });

  test("[one-wide-ffn] encoder layers share one channel mixer as wide as all together, the decoder has none", () => {
    const paired = { objective: { kind: "sequence-to-sequence" } } as const;
    const cross = { kind: "cross-attention", heads: 2 } as const;
    const both = { ...attention, causal: false } as const;
    const ordinary = modelOf({
      ...paired,
      encoder: { layers: [{ mixer: both, channel: mlp, repeat: 2 }] },
      layers: [{ ...layer, cross, repeat: 2 }],
    });
    const wide = { ...mlp, hidden: 4 * 16 };
    const one = modelOf({
      ...paired,
      encoder: { layers: [{ mixer: both, channel: wide, repeat: 2 }] },
      layers: [{ mixer: attention, cross, repeat: 2 }],
      ties: ["encoder.layers.*.channel.**"],
    });
    // Offsets of the outputs and norms of the sublayers that are gone; the hidden ones are as many.
    const offsets = 3 * width;
    const norms = 2 * width;
    expect(count(ordinary) - count(one)).toBe(offsets + norms);
    const apart = modelOf({
      ...paired,
      encoder: { layers: [{ mixer: both, channel: wide, repeat: 2 }] },
      layers: [{ mixer: attention, cross, repeat: 2 }],
    });
    expectSummed(one, apart, (path) => path.replace("encoder.layers.1.channel.", "encoder.layers.0.channel."));
  });

  test("one relative bias for all layers of a stack (T5), the first layer's", () => {
    const biased = { ...attention, positions: { kind: "t5-bias", buckets: 8 } } as const;
    const model = modelOf({ layers: [{ mixer: biased, repeat: 3 }], ties: ["layers.*.mixer.positions.**"] });
    const tables = [...model.parameters.keys()].filter((path) => path.includes("positions."));
    expect(tables).toEqual(["layers.0.mixer.positions.table"]);
    const apart = modelOf({ layers: [{ mixer: biased, repeat: 3 }] });
    expectSummed(model, apart, (path) => (path.includes("positions") ? tables[0]! : path));
  });

  test("one attention beside channel mixers of their own (Zamba), and some layers only", () => {
    const paths = [...modelOf({ ...three, ties: ["layers.{0,2}.mixer.**"] }).parameters.keys()];
    expect(paths.filter((path) => path.endsWith("mixer.qkv"))).toEqual(["layers.0.mixer.qkv", "layers.1.mixer.qkv"]);
  });

  test("ties that overlap join what they touch", () => {
    const model = modelOf({ ...three, ties: ["layers.{1,2}.mixer.qkv", "layers.{0,2}.mixer.qkv"] });
    expect([...model.parameters.keys()].filter((path) => path.endsWith("qkv"))).toEqual(["layers.0.mixer.qkv"]);
  });

  const wrong: [string, string, RegExp][] = [
    ["a pattern of nothing", "layer.*.channel.**", /^tied: ties\[0\]: expected a pattern that joins at least two parameters, got "layer\.\*\.channel\.\*\*", which matches none\. Paths are such as embedding\.table, .* \[E_SPEC_TIES\]$/],
    ["a pattern that joins nothing", "layers.0.channel.**", /which keeps those that it matches apart\..* \[E_SPEC_TIES\]$/],
    ["unequal shapes", "layers.0.channel.*", /^tied: ties\[0\]: expected layers\.0\.channel\.\w+ of shape .*, as layers\.0\.channel\.up, got .*\[E_SPEC_TIES\]$/],
  ]; // biome-ignore format: a table
  test.each(wrong)("%s is refused", (_, tie, message) => {
    expect(() => modelOf({ ...three, ties: [tie] })).toThrow(message);
  });

  test("they are kept in the canonical form", () => {
    const spec = canonicalSpec({ name: "tied", width, ...three, ties: ["layers.*.channel.**"] });
    expect(spec.ties).toEqual(["layers.*.channel.**"]);
    expect(canonicalSpec(spec)).toEqual(spec);
    expect(canonicalSpec({ name: "tied", width, ...three, ties: [] })).not.toHaveProperty("ties");
  });
});

test("a table of low rank (ALBERT) has C·R + R·D numbers, and tied heads score with the whole product", () => {
  const ranked = modelOf({ layers: [{ mixer: attention }], embedding: { kind: "token", rank: 3 } });
  const whole = modelOf({ layers: [{ mixer: attention }] });
  expect(count(whole) - count(ranked)).toBe(tokens * width - (tokens * 3 + 3 * width));
  const values = initialise(ranked, 1);
  const [table, project] = [values.get("embedding.table")!, values.get("embedding.project")!];
  const product = Float32Array.from({ length: tokens * width }, (_, i) => {
    const [id, d] = [Math.floor(i / width), i % width];
    return [0, 1, 2].reduce((sum, r) => sum + table[id * 3 + r]! * project[r * width + d]!, 0);
  });
  const logits = (model: Model, given: ReadonlyMap<string, Float32Array>) => {
    const { logits } = model.forward(input("ids", [1, 5], "i32"), { source: inputSource(), io: evaluationIo() });
    return compileReference([logits]).run({ ids: [1, 4, 0, 8, 2], ...Object.fromEntries(given) })[0]!;
  };
  const expected = logits(whole, new Map(values).set("embedding.table", product));
  logits(ranked, values).forEach((value, i) => void expect(value).toBeCloseTo(expected[i]!, 6));
});
