import { describe, expect, test } from "vitest";
import { putParameters } from "../../generate/index.ts";
import { initialise } from "../../model/index.ts";
import { type BuiltModel, buildSpec, canonicalSpec, type SpecInput } from "../../spec/index.ts";
import { nativeEngine } from "../../testing/index.ts";
import { createTraining, objectiveLosses, trainingProgram, trainingSchema } from "../../train/index.ts";
import { entropy } from "./attention.ts";
import { inspect } from "./inspect.ts";
import type { Inspection } from "./results.ts";
import { sampleOf } from "./sample.ts";
import { namedTensors } from "./tensors.ts";
import { feedsOf, traceSample } from "./trace.ts";

const engine = nativeEngine();

const tokens = 11;
const ids = Int32Array.from({ length: 9 }, (_, i) => (i * i) % tokens);
const letter = (id: number) => String.fromCharCode(97 + id);
const attention = { kind: "attention", heads: 2 } as const;

const build = (spec: Partial<SpecInput>): BuiltModel =>
  buildSpec(canonicalSpec({ name: "small", width: 16, layers: [{ mixer: attention }], ...spec } as SpecInput), {
    tokens,
  });

type Change = (path: string, values: Float32Array) => Float32Array;

/** Parameters at their start, changed by path, resident in the engine. */
async function put({ model }: BuiltModel, change: Change = (_, values) => values): Promise<void> {
  const start = [...initialise(model, 1)].map(
    ([path, values]) => [path, change(path, Float32Array.from(values))] as const,
  );
  await putParameters(engine, model, new Map(start));
}

async function look(
  spec: Partial<SpecInput>,
  options: { change?: Change; tensors?: string[] } = {},
): Promise<Inspection> {
  const built = build(spec);
  await put(built, options.change);
  return inspect(engine, built, { ids, text: letter, ...options });
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

describe("attention", () => {
  test("[attention-maps] rows add up to 1 and reproduce the heads' output when multiplied by V", async () => {
    const built = build({ layers: [{ mixer: { ...attention, positions: { kind: "rope" } }, repeat: 2 }] });
    const trace = traceSample(built, sampleOf(built, { ids }));
    const named = namedTensors(trace);
    const product = [...named].find(
      ([name, t]) => name.startsWith("layers.1.mixer/matmul") && t.node.inputs[0]!.dim(-1) === ids.length,
    )!;
    const value = [...named].find(([, t]) => t === product[1].node.inputs[1])!;
    await put(built);
    const { attention: maps, tensors } = await inspect(engine, built, {
      ids,
      text: letter,
      tensors: [product[0], value[0]],
    });
    expect(maps.map(({ path }) => path)).toEqual(["layers.0.mixer.weights_BHTS", "layers.1.mixer.weights_BHTS"]);
    for (const row of maps.flatMap(({ weights }) => weights.flat())) expect(sum([...row])).toBeCloseTo(1, 4);
    const [output, v] = tensors as [(typeof tensors)[0], (typeof tensors)[0]];
    const [T, K] = [ids.length, v.shape.at(-1)!];
    const mixed = maps[1]!.weights.flatMap((rows, h) =>
      rows.flatMap((row) =>
        Array.from({ length: K }, (_, k) => sum(row.map((weight, s) => weight * v.values[(h * T + s) * K + k]!))),
      ),
    );
    expect(output.values).toHaveLength(mixed.length);
    output.values.forEach((expected, i) => void expect(mixed[i]).toBeCloseTo(expected, 4));
  });

  test("[attn-saturation-probe] entropy is ln n for uniform weights and 0 for one-hot ones; it drops when the scale is removed", async () => {
    expect(entropy([0.25, 0.25, 0.25, 0.25])).toBeCloseTo(Math.log(4), 12);
    expect(entropy([0, 1, 0])).toBe(0);
    const larger: Change = (path, values) => (path.endsWith("mixer.qkv") ? values.map((v) => 2 * v) : values);
    const heads = async (scale: "rsqrt" | "none", change?: Change) =>
      (await look({ layers: [{ mixer: { ...attention, scale } }] }, { ...(change && { change }) })).attention[0]!.heads;
    const [scaled, bare] = [await heads("rsqrt", larger), await heads("none", larger)];
    scaled.forEach(({ entropy, saturated, uniform }, head) => {
      expect(bare[head]!.entropy).toBeLessThan(entropy);
      expect(bare[head]!.saturated).toBeGreaterThan(saturated!);
      expect(entropy).toBeLessThan(uniform);
    });
    const zero: Change = (path, values) => (path.endsWith("mixer.qkv") ? values.map(() => 0) : values);
    for (const head of await heads("rsqrt", zero)) expect(head.entropy).toBeCloseTo(head.uniform, 4);
  });
});

test("the last layer seen through the logit lens is the model's own answer", async () => {
  const {
    lens,
    tokens: read,
    loss,
  } = await look({ layers: [{ mixer: attention, channel: { kind: "swiglu" }, repeat: 3 }] });
  expect(lens.map(({ path }) => path)).toEqual([
    "embedding.stream",
    "layers.0.stream",
    "layers.1.stream",
    "layers.2.stream",
  ]);
  expect(lens.at(-1)!.loss).toBeCloseTo(loss, 5);
  expect(lens.at(-1)!.divergence).toBeCloseTo(0, 5);
  expect(lens[0]!.divergence).toBeGreaterThan(0);
  lens.at(-1)!.tokens.forEach(({ target, top, entropy }, t) => {
    const { nats } = read[t]!;
    if (nats === null) expect(target).toBeNull();
    else expect(-Math.log(target!)).toBeCloseTo(nats, 4);
    expect(top.map(({ prob }) => prob)).toEqual(top.map(({ prob }) => prob).toSorted((a, b) => b - a));
    expect(entropy).toBeLessThanOrEqual(Math.log(tokens) + 1e-5);
  });
  expect(read.map(({ text }) => text).join("")).toBe(Array.from(ids, letter).join(""));
  expect(read.at(-1)!.target).toBeNull();
});

describe("gradients", () => {
  const layers = [{ mixer: attention, channel: { kind: "mlp" as const }, repeat: 2 }];

  test("are those of a training step on the same tokens", async () => {
    const built = build({ layers });
    const length = ids.length - 1;
    const config = trainingSchema.parse({ steps: 1, batch: 1, length });
    const training = await createTraining(engine, built, { ids, config });
    const { gradients, loss } = await inspect(engine, built, { ids, text: letter });
    const program = trainingProgram(built, objectiveLosses["next-token"], { batch: 1, length });
    const step = await engine.compile(program);
    const values = await step.run({
      inputs: ids.slice(0, -1),
      targets: ids.slice(1),
      "random.seed": Uint32Array.of(0),
      "random.step": Uint32Array.of(0),
    });
    await step.dispose();
    for (const { path, norm } of gradients.parameters)
      expect(norm).toBeCloseTo(Math.hypot(...(values[`grad:${path}`] as Float32Array)), 5);
    const record = await training.advance();
    await training.dispose();
    expect(gradients.total).toBeCloseTo(record.gradNorm, 4);
    expect(loss).toBeCloseTo(record.loss, 5);
    expect(Math.hypot(...gradients.layers.map(({ norm }) => norm))).toBeLessThan(gradients.total);
  });

  test("[grad-diagnostics] the ratio of first to last layer departs with depth without residuals and stays bounded with them", async () => {
    const ratio = async (depth: number, residual: "add" | "none") => {
      const stack = { mixer: { kind: "rnn" as const }, channel: { kind: "none" as const }, repeat: depth };
      const spec = { defaults: { residual: { kind: residual }, norm: { kind: "none" as const } }, layers: [stack] };
      const { gradients } = await look(spec);
      return gradients.layers[0]!.norm / gradients.layers.at(-1)!.norm;
    };
    const [shallow, deep] = [await ratio(4, "none"), await ratio(12, "none")].map((r) => Math.abs(Math.log(r)));
    expect(deep!).toBeGreaterThan(2 * shallow!);
    expect(Math.abs(Math.log(await ratio(12, "add")))).toBeLessThan(Math.log(10));
  });
});

describe("gates", () => {
  test("are found in layers and inside scans; an opened forget gate is open at every token", async () => {
    const wide: Change = (path, values) =>
      path.includes("mixer") && /bias/i.test(path) ? values.map(() => 9) : values;
    const { gates } = await look(
      { layers: [{ mixer: { kind: "lstm" }, channel: { kind: "mlp", activation: "relu" } }] },
      { change: wide },
    );
    const open = gates.filter(({ path, op }) => path.startsWith("layers.0.mixer/scan") && op === "sigmoid");
    expect(open.length).toBeGreaterThan(0);
    for (const { open: share, stuck } of open) expect([share, stuck]).toEqual([1, 1]);
    const relu = gates.find(({ op }) => op === "relu")!;
    expect(relu.closed).toBeGreaterThan(0);
    expect(relu.closed).toBeLessThan(1);
    expect(relu.open).toBe(0);
  });
});

describe("directions of tokens", () => {
  test("[ffn-isotropy-probe] with attention alone tokens turn the same way from layer to layer, with feed-forward nets they keep apart; what every sublayer writes is told as a share of the stream", async () => {
    const one = { mixer: { ...attention, causal: false }, repeat: 8 } as const;
    const layers = (net: boolean) => (net ? [{ ...one, channel: { kind: "mlp" } as const }] : [one]);
    const objective = { kind: "masked-diffusion" } as const;
    // As in 2017: what writes into the stream is not scaled down by depth.
    const change: Change = (path, v) => (/mixer\.out$|channel\.down$/.test(path) ? v.map((x) => 4 * x) : v);
    const [alone, nets] = [
      await look({ layers: layers(false), objective }, { change }),
      await look({ layers: layers(true), objective }, { change }),
    ];
    const cosines = ({ streams }: Inspection) => streams.map(({ cosine }) => cosine!);
    const [rising, kept] = [cosines(alone), cosines(nets)];
    for (const layer of [1, 2, 3, 4]) expect(rising[layer]).toBeGreaterThan(rising[layer - 1]!);
    expect(rising.at(-1)).toBeGreaterThan(rising[0]! + 0.5);
    expect(rising.at(-1)).toBeGreaterThan(kept.at(-1)! + 0.1);
    expect(alone.writes.map(({ path }) => path)).toEqual(Array.from({ length: 8 }, (_, i) => `layers.${i}.mixer`));
    expect(nets.writes).toHaveLength(16);
    const doubled: Change = (path, v) => (path === "layers.0.mixer.out" ? v.map((x) => 8 * x) : change(path, v));
    const twice = await look({ layers: layers(false), objective }, { change: doubled });
    expect(twice.writes[0]!.ratio / alone.writes[0]!.ratio).toBeCloseTo(2, 4);
  });

  test("equal tokens have a cosine of 1, one token has none", async () => {
    const same = await look(
      {},
      { change: (path, v) => (path === "embedding.table" ? v.map((_, i) => v[i % 16]!) : v) },
    );
    expect(same.streams[0]!.cosine).toBeCloseTo(1, 5);
    const built = build({
      layers: [{ mixer: { ...attention, causal: false } }],
      objective: { kind: "masked-diffusion" },
    });
    await put(built);
    expect((await inspect(engine, built, { ids: ids.slice(0, 1), text: letter })).streams[0]!.cosine).toBeNull();
  });
});

describe("streams and states", () => {
  test("[massive-activations] largest over median is followed through training under each norm placement", async () => {
    const ratios = async (placement: "pre" | "post") => {
      const mlp = { kind: "mlp" as const };
      const built = build({ defaults: { placement }, layers: [{ mixer: attention, channel: mlp, repeat: 3 }] });
      const config = trainingSchema.parse({ steps: 30, batch: 4, length: 8, optimizer: { learningRate: 0.02 } });
      const text = Int32Array.from({ length: 300 }, (_, i) => (i * i) % tokens);
      const training = await createTraining(engine, built, { ids: text, config });
      const found: Inspection["streams"][] = [];
      for (let step = 0; step < config.steps; step += 10) {
        await training.advanceBy(10);
        found.push((await inspect(engine, built, { ids, text: letter })).streams);
      }
      await training.dispose();
      return found;
    };
    const [pre, post] = [await ratios("pre"), await ratios("post")];
    for (const streams of [...pre, ...post]) {
      expect(streams).toHaveLength(4);
      for (const { largest, median } of streams) expect(largest.value / median).toBeGreaterThan(1);
    }
    // A stream that a norm has left cannot hold more than √D of one feature (times its gain); one before all norms can grow.
    for (const streams of post) expect(streams.at(-1)!.largest.value).toBeLessThan(1.5 * Math.sqrt(16));
    expect(pre.at(-1)!.at(-1)!.norms[0]).toBeGreaterThan(pre[0]!.at(-1)!.norms[0]!);
  }, 60_000);

  test("[massive-activations] a planted outlier is found where it stands", async () => {
    const plant: Change = (path, values) =>
      path === "embedding.table" ? values.map((v, i) => (i === 4 * 16 + 3 ? 500 : v)) : values;
    const { streams } = await look({ head: { kind: "lm", tied: false } }, { change: plant });
    const at = ids.indexOf(4);
    expect(streams[0]).toMatchObject({ path: "embedding.stream", largest: { value: 500, token: at, feature: 3 } });
    expect(streams[0]!.largest.value / streams[0]!.median).toBeGreaterThan(100);
    expect(streams[0]!.norms).toHaveLength(ids.length);
  });

  test("states of constant size are followed through the text; growing ones are not states of this kind", async () => {
    const { states } = await look({ layers: [{ mixer: { kind: "lstm" } }, { mixer: attention }] });
    expect(states.map(({ path }) => path.split(".").slice(0, 3).join("."))).toEqual([
      "layers.0.mixer",
      "layers.0.mixer",
    ]);
    for (const { norms, changes } of states) {
      expect(norms).toHaveLength(ids.length);
      expect(Math.min(...norms)).toBeGreaterThan(0);
      expect(changes[0]).toBeCloseTo(1, 5);
    }
  });
});

describe("what is shown", () => {
  test("masked models see hidden tokens and answer for those alone", async () => {
    const {
      tokens: read,
      lens,
      states,
    } = await look({
      layers: [{ mixer: { ...attention, causal: false } }],
      objective: { kind: "masked-diffusion" },
    });
    const hidden = read.filter(({ target }) => target !== null);
    expect(hidden).toHaveLength(3);
    for (const { text } of hidden) expect(text).toBe("⟨mask⟩");
    expect(lens[0]!.tokens.filter(({ target }) => target !== null)).toHaveLength(3);
    expect(states).toEqual([]);
  });

  test("an encoder–decoder shows its source, its maps of both sides and the alignment", async () => {
    const built = build({
      layers: [{ mixer: attention, cross: { kind: "cross-attention", heads: 2 } }],
      encoder: { layers: [{ mixer: { ...attention, causal: false } }] },
      objective: { kind: "sequence-to-sequence" },
    });
    await put(built);
    const found = await inspect(engine, built, { ids: ids.slice(0, 4), source: ids, text: letter });
    expect(found.attention.map(({ path, queries, keys }) => [path.split(".weights")[0], queries, keys])).toEqual([
      ["encoder.layers.0.mixer", "source", "source"],
      ["layers.0.mixer", "tokens", "tokens"],
      ["layers.0.cross", "tokens", "source"],
    ]);
    const cross = found.attention[2]!.weights;
    for (const [t, row] of found.alignment![0]!.entries())
      for (const [s, weight] of row.entries())
        expect(weight).toBeCloseTo((cross[0]![t]![s]! + cross[1]![t]![s]!) / 2, 4);
    expect(found.tokens.map(({ text }) => text)).toEqual(["⟨start⟩", ...Array.from(ids.slice(0, 4), letter)]);
    expect(found.tokens.at(-1)!.target!.text).toBe("⟨end⟩");
  });

  test.each([
    [{ ids: ids.slice(0, 1) }, {}, /a text with a token to predict, got 1 tokens/],
    [
      { ids },
      { embedding: { kind: "token" as const, positions: { kind: "learned" as const, max: 4 } } },
      /at most 4 tokens, the model's limit, got 9/,
    ],
    [{ ids, source: ids }, {}, /no source: the model has no encoder/],
  ])("refuses what cannot be shown: %#", (input, spec, message) => {
    expect(() => sampleOf(build(spec), input)).toThrow(message);
  });

  test("tensors are fetched by name; an unknown one is refused", async () => {
    const { tensors } = await look({}, { tensors: ["layers.0.stream", "layers.0.mixer/matmul.0"] });
    expect(tensors.map(({ name, shape }) => [name, shape])).toEqual([
      ["layers.0.stream", [1, 9, 16]],
      ["layers.0.mixer/matmul.0", expect.any(Array)],
    ]);
    await expect(look({}, { tensors: ["layers.0.mixer/none.7"] })).rejects.toThrow(/E_INSPECT_TENSOR/);
  });

  test("every number is finite", async () => {
    const found = await look({
      layers: [
        { mixer: { kind: "mamba" }, channel: { kind: "swiglu" } },
        { mixer: attention, channel: { kind: "moe" } },
      ],
    });
    const numbers = JSON.stringify(found, (_, value) =>
      typeof value === "number" && !Number.isFinite(value) ? "not finite" : value,
    );
    expect(numbers).not.toContain("not finite");
    expect(Object.keys(feedsOf(sampleOf(build({}), { ids })))).toEqual(["ids", "targets", "weights"]);
  });
});
