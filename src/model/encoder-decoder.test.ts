import { afterAll, describe, expect, test } from "vitest";
import { createReferenceEngine, type Engine, runReference } from "../engine/index.ts";
import { beamSearch, createGenerator, Decoder, putParameters } from "../generate/index.ts";
import { createRng } from "../ops/index.ts";
import { type BuiltModel, buildSpec, canonicalSpec, type SpecInput } from "../spec/index.ts";
import { input } from "../tensor/index.ts";
import { evaluationIo, inputSource } from "../train/index.ts";
import { initialise } from "./initialise.ts";

const tokens = 9;
const attention = { kind: "attention", heads: 2 } as const;
const cross = { kind: "cross-attention", heads: 2 } as const;

const specs = {
  transformer: {
    name: "transformer",
    width: 8,
    embedding: { kind: "token", scale: "sqrt-width", positions: { kind: "sinusoidal" } },
    defaults: { norm: { kind: "layernorm" }, placement: "post" },
    encoder: { layers: [{ mixer: { ...attention, causal: false }, channel: { kind: "mlp" }, repeat: 2 }] },
    layers: [{ mixer: attention, cross, channel: { kind: "mlp" }, repeat: 2 }],
    objective: { kind: "sequence-to-sequence" },
  },
  bridged: {
    name: "bridged",
    width: 8,
    encoder: { layers: [{ mixer: { kind: "lstm" }, repeat: 2 }], bridge: "state" },
    layers: [{ mixer: { kind: "lstm" }, repeat: 2 }],
    objective: { kind: "sequence-to-sequence" },
  },
  parallel: {
    name: "parallel",
    width: 8,
    defaults: { wiring: "parallel" },
    encoder: { layers: [{ mixer: { kind: "mamba-2", heads: 2, state: 4 } }] },
    layers: [{ mixer: { kind: "gru" }, cross, channel: { kind: "swiglu" } }],
    objective: { kind: "sequence-to-sequence" },
  },
  slots: {
    name: "slots",
    width: 8,
    encoder: { layers: [{ mixer: { ...attention, causal: false }, channel: { kind: "mlp" } }] },
    layers: [{ mixer: attention, cross: { kind: "linformer-cross", heads: 2, slots: 3, maxTokens: 16 } }],
    objective: { kind: "sequence-to-sequence" },
  },
  sums: {
    name: "sums",
    width: 8,
    encoder: { layers: [{ mixer: { ...attention, causal: false }, channel: { kind: "mlp" } }] },
    layers: [
      { mixer: attention, cross: { kind: "linear-cross-attention", heads: 2 } },
      { mixer: { kind: "gru" }, cross: { kind: "performer-cross", heads: 2, features: 4 } },
    ],
    objective: { kind: "sequence-to-sequence" },
  },
} as const satisfies Record<string, SpecInput>;

const build = (spec: SpecInput): BuiltModel => buildSpec(canonicalSpec(spec), { tokens });
const text = (length: number, seed: number) => {
  const rng = createRng(seed);
  return Int32Array.from({ length }, () => rng.below(tokens));
};

/** Logits [T][C] of a target behind a source, both whole. */
function whole({ model }: BuiltModel, source: Int32Array, target: Int32Array, padding = 0): number[][] {
  const S = source.length + padding;
  const { logits } = model.forward(input("ids", [1, target.length], "i32"), {
    source: inputSource(),
    io: evaluationIo(),
    from: { ids_BS: input("source", [1, S], "i32"), mask_BS: input("mask", [1, S], "bool") },
  });
  const feeds = {
    ...Object.fromEntries(initialise(model, 3)),
    ids: target,
    source: [...source, ...new Array<number>(padding).fill(5)],
    mask: Array.from({ length: S }, (_, s) => (s < source.length ? 1 : 0)),
  };
  const all = runReference([logits], feeds)[0]!;
  return Array.from(target, (_, t) => [...all.slice(t * model.vocabulary, (t + 1) * model.vocabulary)]);
}

const engine: Engine = createReferenceEngine();
afterAll(() => engine.close());

let prefixes = 0;
async function decoderOf(built: BuiltModel, batch: number): Promise<Decoder> {
  await putParameters(engine, built.model, initialise(built.model, 3));
  return new Decoder(engine, built.model, { batch, prefix: `pair.${prefixes++}/` });
}

function expectClose(actual: ArrayLike<number>, expected: readonly number[]): void {
  Array.from(actual).forEach((value, i) => void expect(value).toBeCloseTo(expected[i]!, 5));
}

describe.each(Object.keys(specs) as (keyof typeof specs)[])("%s", (name) => {
  const built = build(specs[name]);
  const [first, second] = [text(6, 1), text(3, 2)];
  const [a, b] = [text(7, 3), text(5, 4)];

  test("padding of the source changes nothing, the source does", () => {
    whole(built, first, a).forEach((row, t) => void expectClose(whole(built, first, a, 4)[t]!, row));
    expect(whole(built, second, a)).not.toEqual(whole(built, first, a));
  });

  test("decoding token by token, in a batch of unequal sources, equals the whole", async () => {
    const decoder = await decoderOf(built, 2);
    let logits = await decoder.prefill([a.subarray(0, 4), b.subarray(0, 2)], { sources: [first, second] });
    const expected = [whole(built, first, a), whole(built, second, b)];
    for (let t = 0; ; t++) {
      expectClose(logits[0]!, expected[0]![3 + t]!);
      expectClose(logits[1]!, expected[1]![1 + t]!);
      if (t === 2) break;
      logits = await decoder.step(Int32Array.of(a[4 + t]!, b[2 + t]!));
    }
    await decoder.reorder(Int32Array.of(1, 1));
    const again = await decoder.step(Int32Array.of(b[4]!, b[4]!));
    expectClose(again[0]!, whole(built, second, b)[4]!);
    expect([...again[1]!]).toEqual([...again[0]!]);
    await decoder.dispose();
  });

  test("a generator writes behind its start token, and a beam as wide as all texts finds the best one", async () => {
    await putParameters(engine, built.model, initialise(built.model, 3));
    const generator = createGenerator(engine, built);
    const request = { prompt: new Int32Array(), source: first, tokens: 3, sampler: { temperature: 0 } };
    const { tokens: greedy } = await generator.generate(request);
    expect(greedy.length).toBeLessThanOrEqual(3);
    const { start, end } = built.extraTokens as { start: number; end: number };
    const rows = whole(built, first, Int32Array.of(start, ...greedy.subarray(0, 1)));
    expect(rows[0]!.indexOf(Math.max(...rows[0]!))).toBe(greedy[0] ?? end);
    await generator.dispose();
    const decoder = await decoderOf(built, 121);
    const [best] = await beamSearch(decoder, {
      prompt: Int32Array.of(start),
      source: first,
      tokens: 2,
      stop: [end],
      lengthPenalty: 0,
    });
    expect(best!.logProb).toBeCloseTo(exhaustive(built, first, { start, end }), 4);
    await decoder.dispose();
  });

  test("no source, or one that a model does not read, is refused", async () => {
    const decoder = await decoderOf(built, 1);
    await expect(decoder.prefill([a])).rejects.toThrow(/sources: expected 1 of at least one token.*E_SOURCE/);
    await decoder.dispose();
  });
});

/** Log-probability of the likeliest text of at most two tokens. */
function exhaustive(built: BuiltModel, source: Int32Array, { start, end }: { start: number; end: number }): number {
  const logProbs = (row: readonly number[]) => {
    const most = Math.max(...row);
    const total = Math.log(row.reduce((sum, z) => sum + Math.exp(z - most), 0)) + most;
    return row.map((z) => z - total);
  };
  const first = logProbs(whole(built, source, Int32Array.of(start))[0]!);
  const scores = first.map((logProb, id) => {
    if (id === end) return logProb;
    return logProb + Math.max(...logProbs(whole(built, source, Int32Array.of(start, id))[1]!));
  });
  return Math.max(...scores);
}

describe("an encoder in a spec", () => {
  const base = specs.transformer;
  const { encoder: _, ...alone } = base;

  test("the embedding's table serves both stacks, positions are each stack's own", () => {
    const learned = build({ ...base, embedding: { kind: "token", positions: { kind: "learned", max: 20 } } });
    const paths = [...learned.model.parameters.keys()];
    expect(paths.filter((path) => path.includes("embedding"))).toEqual(["embedding.table"]);
    expect(paths.filter((path) => path.includes("positions"))).toEqual(["positions.table", "encoder.positions.table"]);
  });

  test("the canonical form is its own canonical form", () => {
    for (const spec of Object.values(specs)) expect(canonicalSpec(canonicalSpec(spec))).toEqual(canonicalSpec(spec));
  });

  test("what does not fit together is refused where it stands", () => {
    expect(() => build(alone)).toThrow(/layers\[0\]\.cross: expected an encoder.*E_SPEC_ENCODER/);
    expect(() => build({ ...base, objective: { kind: "next-token" } })).toThrow(
      /encoder: expected none.*E_SPEC_ENCODER/,
    );
    expect(() => build({ ...base, layers: [{ mixer: attention }] })).toThrow(/nothing reads the encoder/);
    expect(() => build({ ...specs.bridged, layers: [{ mixer: { kind: "gru" } }] })).toThrow(
      /layers\[0\]\.mixer: expected the encoder's layer 0.*E_SPEC_BRIDGE/,
    );
    expect(() => canonicalSpec({ ...base, layers: [{ mixer: cross }] } as never)).toThrow(/layers\[0\]\.mixer/);
  });
});

describe("shared weights", () => {
  const layer = { mixer: { kind: "attention", heads: 2 }, channel: { kind: "swiglu" } } as const;
  const spec = (options: object): SpecInput => ({ name: "loops", width: 8, ...options }) as SpecInput;
  const count = (built: BuiltModel) => [...built.model.parameters.keys()].filter((p) => p.startsWith("layers.")).length;

  test("repeats that share, and loops, have the parameters of one round", () => {
    const one = count(build(spec({ layers: [layer] })));
    expect(count(build(spec({ layers: [{ ...layer, repeat: 3, share: true }] })))).toBe(one);
    expect(count(build(spec({ layers: [layer, { mixer: { kind: "lstm" } }], loop: { times: 3 } })))).toBe(
      count(build(spec({ layers: [layer, { mixer: { kind: "lstm" } }] }))),
    );
  });

  test("a loop in the middle keeps the layers around it apart", () => {
    const { layers } = canonicalSpec(spec({ layers: [{ ...layer, repeat: 4 }], loop: { times: 3, from: 1, to: 2 } }));
    expect(layers.map(({ weights }, i) => weights ?? i)).toEqual([0, 1, 2, 1, 2, 1, 2, 7]);
    const again = canonicalSpec({ ...spec({ layers }) });
    expect(again.layers).toEqual(layers);
  });

  test("[universal-transformer] a loop equals the same stack with copied weights, each round with a state of its own", () => {
    const [shared, copied] = [
      build(spec({ layers: [layer], loop: { times: 2 } })),
      build(spec({ layers: [layer, layer] })),
    ];
    const values = initialise(shared.model, 1);
    const copies = new Map(
      [...values].flatMap(([path, v]) => [[path, v] as const, [path.replace("layers.0.", "layers.1."), v] as const]),
    );
    const logits = ({ model }: BuiltModel, feeds: ReadonlyMap<string, Float32Array>) =>
      runReference([model.forward(input("ids", [1, 5], "i32"), { source: inputSource(), io: evaluationIo() }).logits], {
        ...Object.fromEntries(feeds),
        ids: text(5, 9),
      })[0]!;
    expect(logits(shared, values)).toEqual(logits(copied, copies));
    expect([...shared.model.states.keys()]).toEqual([...copied.model.states.keys()]);
  });

  test("weights of a later or of another layer are refused", () => {
    const other = { mixer: { kind: "lstm" } };
    expect(() => canonicalSpec(spec({ layers: [layer, { ...other, weights: 0 }] }))).toThrow(
      /layers\[1\]\.weights.*E_SPEC_WEIGHTS/,
    );
    expect(() => canonicalSpec(spec({ layers: [{ ...layer, weights: 1 }, layer] }))).toThrow(/E_SPEC_WEIGHTS/);
    expect(() => canonicalSpec(spec({ layers: [layer], loop: { times: 2, from: 1 } }))).toThrow(/loop: .*E_SPEC_LOOP/);
  });
});
