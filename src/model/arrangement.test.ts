import { describe, expect, test } from "vitest";
import { compileReference } from "../engine/index.ts";
import { matrixExponential } from "../ops/index.ts";
import { buildSpec, canonicalSpec, type SpecInput } from "../spec/index.ts";
import { constant } from "../tensor/index.ts";
import { randomNormal } from "../testing/index.ts";
import { type ModelSpec, parameterCount } from "./index.ts";
import { evaluateStack, startOf, transformer, type Values } from "./stream.fixture.ts";

const tokens = 9;
const attention = { kind: "attention", heads: 2 } as const;
const half = { residual: { kind: "scaled", scale: 0.5 } } as const;

/** Lu et al. 2019: half a channel mixer on either side of the mixer. */
const macaron = (hidden: number) =>
  ({
    mixer: attention,
    channel: { kind: "mlp", hidden },
    order: ["lead", "mixer", "channel"],
    sublayers: { lead: { channel: { kind: "mlp", hidden }, ...half }, channel: half },
  }) as const;

const stack = (layers: SpecInput["layers"], options: Partial<SpecInput> = {}): ModelSpec =>
  canonicalSpec({ name: "stack", width: 8, ...options, layers });

const pathsOf = (spec: ModelSpec) => [...buildSpec(spec, { tokens }).model.parameters.keys()];
const count = (spec: ModelSpec) => parameterCount(buildSpec(spec, { tokens }).model.parameters);

describe("sublayers in another order", () => {
  test("[macaron] two channel mixers of half the width have the parameters of one, but for the second's norm and offset", () => {
    const extra = 8 + 8;
    const plain = stack([{ mixer: attention, channel: { kind: "mlp", hidden: 32 } }]);
    expect(count(stack([macaron(16)])) - count(plain)).toBe(extra);
  });

  test("[macaron] on x' = Ax + Bx a macaron layer is a Strang step, of order 2, an ordinary one a Lie–Trotter step, of order 1", () => {
    const slope = (kind: "strang" | "lie") => Math.log2(splittingError(kind, 8) / splittingError(kind, 16));
    expect(slope("lie")).toBeCloseTo(1, 0);
    expect(Math.abs(slope("lie") - 1)).toBeLessThan(0.1);
    expect(Math.abs(slope("strang") - 2)).toBeLessThan(0.1);
  });

  test("a Conformer's block: half, attention, convolution, half, and a norm behind", () => {
    const conformer = stack([
      {
        ...macaron(16),
        order: ["lead", "mixer", "conv", "channel"],
        sublayers: {
          ...macaron(16).sublayers,
          conv: { mixer: { kind: "conv-glu" } },
          channel: { ...half, placement: "pre-and-post" },
        },
      },
    ]);
    const own = pathsOf(conformer).filter((path) => /^layers\.0\.\w+\.\w+$/.test(path));
    expect([...new Set(own.map((path) => path.split(".")[2]))]).toEqual([
      ...["leadNorm", "lead", "mixerNorm", "mixer", "convNorm", "conv", "channelNorm", "channelSumNorm", "channel"],
    ]);
    expect(buildSpec(conformer, { tokens }).model.decodes).toBe(true);
    expect([...buildSpec(conformer, { tokens }).model.states.keys()].some((path) => path.includes(".conv."))).toBe(
      true,
    );
  });

  test("[heterogeneous-layers] a Brainformer's mixed sublayers, each with its own norm and residual, count as the sum of their parts", () => {
    const spec = stack([
      {
        mixer: attention,
        channel: { kind: "moe", experts: 2, hidden: 4 },
        order: ["dense", "channel", "mixer", "last"],
        sublayers: {
          dense: { channel: { kind: "mlp", hidden: 4 }, norm: { kind: "layernorm" } },
          last: { channel: { kind: "swiglu", hidden: 6 }, residual: { kind: "layerscale" } },
        },
      },
    ]);
    const { model } = buildSpec(spec, { tokens });
    const parts = {
      dense: 8 * 4 + 4 + 4 * 8 + 8 + 16,
      channel: 8 * 2 + 2 * 3 * 8 * 4 + 8,
      mixer: 4 * 64 + 8,
      last: 3 * 8 * 6 + 8 + 8,
    };
    expect(model.layers[0]!.parameters).toBe(Object.values(parts).reduce((a, b) => a + b));
    expect(model.activeParameters).toBe(parameterCount(model.parameters));
  });

  test("the ordinary order is left out of the canonical form, another is kept", () => {
    const plain = { mixer: attention, channel: { kind: "mlp" } } as const;
    expect(stack([{ ...plain, order: ["mixer", "channel"], sublayers: { mixer: {} } }])).toEqual(stack([plain]));
    const spec = stack([macaron(16)]);
    expect(spec.layers[0]).toMatchObject({ order: ["lead", "mixer", "channel"] });
    expect(canonicalSpec(spec)).toEqual(spec);
    expect(pathsOf(stack([{ ...plain, order: ["channel", "mixer"] }]))[1]).toBe("layers.0.channelNorm.gain");
  });

  const wrong: [string, object, RegExp][] = [
    ["an order without one of them", { order: ["mixer"] }, /^stack: layers\[0\]\.order: expected each of mixer, channel once, got mixer\. \[E_SPEC_ORDER\]$/],
    ["a further one that stands nowhere", { sublayers: { more: { channel: { kind: "mlp" } } } }, /order: .* got nothing\. Say where they stand, such as "order": \["mixer","channel","more"\]\. \[E_SPEC_ORDER\]$/],
    ["a further one without a part", { order: ["mixer", "channel", "more"], sublayers: { more: half } }, /sublayers\.more: expected "mixer" or "channel", got neither\. \[E_SPEC_SUBLAYER\]$/],
    ["two parts in one", { sublayers: { more: { channel: { kind: "mlp" }, mixer: attention } } }, /sublayers\.more: expected "mixer" or "channel", got both\. \[E_SPEC_SUBLAYER\]$/],
    ["a part twice", { sublayers: { channel: { channel: { kind: "mlp" } } } }, /sublayers\.channel: expected norm, placement or residual.* \[E_SPEC_SUBLAYER\]$/],
    ["options of what is not there", { sublayers: { cross: half } }, /sublayers\.cross: expected options of a sublayer that there is \(mixer, channel\), got cross\. \[E_SPEC_SUBLAYER\]$/],
    ["a residual of one of several that are added", { wiring: "parallel", sublayers: { channel: half } }, /sublayers\.channel\.residual: expected the layer's own.* \[E_SPEC_SUBLAYER\]$/],
    ["a name that is a norm's", { sublayers: { mixerNorm: { channel: { kind: "mlp" } } } }, /a name without Norm/],
    ["a misspelt key", { sublayers: { channel: { residul: { kind: "add" } } } }, /sublayers\.channel: .* Did you mean "residual"\? \[E_SPEC_KEY\]$/],
  ]; // biome-ignore format: a table
  test.each(wrong)("%s is refused", (_, options, message) => {
    expect(() => stack([{ mixer: attention, channel: { kind: "mlp" }, ...options }] as never)).toThrow(message);
  });
});

/** Two maps that do not commute. */
const [A, B] = [
  [0, 1, -1, 0],
  [0.5, 0.3, 0.7, -0.4],
];
const flow = (matrix: readonly number[], time: number): Float32Array => {
  const scaled = constant(
    matrix.map((v) => v * time),
    [2, 2],
  );
  return Float32Array.from(compileReference([matrixExponential(scaled)]).run({})[0]!);
};

/** Distance from e^{A+B} of `steps` layers, each with the exact flows of A (channel mixers) and B (a mixer of one token). */
function splittingError(kind: "strang" | "lie", steps: number): number {
  const spec = splitting(kind, steps);
  const time = 1 / steps;
  const values = Object.fromEntries(
    [...startOf(spec)].map(([path, start]) => [
      path,
      path.startsWith("layers") ? splitWeights(path, kind, time) : start,
    ]),
  );
  const x = { shape: [1, 1, 2], data: Float64Array.of(1, 0.5) };
  const [y] = evaluateStack(spec, new Map(Object.entries(values)), { x, outputs: ({ after }) => [after.at(-1)!] });
  const exact = flow(
    A!.map((a, i) => a + B![i]!),
    1,
  );
  const expected = [0, 1].map((j) => x.data[0]! * exact[j]! + x.data[1]! * exact[2 + j]!);
  return Math.hypot(...expected.map((value, j) => value - y![j]!));
}

function splitting(kind: "strang" | "lie", steps: number): ModelSpec {
  const channel = { kind: "mlp", hidden: 2, activation: "identity", bias: false } as const;
  return canonicalSpec({
    name: "splitting",
    width: 2,
    defaults: { placement: "none" },
    layers: [
      {
        mixer: { kind: "attention", heads: 1 },
        channel,
        ...(kind === "strang" && { order: ["lead", "mixer", "channel"], sublayers: { lead: { channel } } }),
        ...{ repeat: steps, share: true },
      },
    ],
  } as SpecInput);
}

/** Weights with which a sublayer adds (e^{hM} − 1)x: a linear channel mixer, and one token's attention, which is its value. */
function splitWeights(path: string, kind: "strang" | "lie", time: number): Float32Array {
  const moved = (matrix: readonly number[], t: number) => flow(matrix, t).map((v, i) => v - (i % 3 === 0 ? 1 : 0));
  const a = moved(A!, kind === "strang" ? time / 2 : time);
  const b = moved(B!, time);
  if (path.endsWith("up")) return a;
  if (path.endsWith("down") || path.endsWith("out")) return Float32Array.of(1, 0, 0, 1);
  return Float32Array.of(0, 0, 0, 0, b[0]!, b[1]!, 0, 0, 0, 0, b[2]!, b[3]!);
}

describe("norms around sublayers", () => {
  const width = 32;
  const x = randomNormal("stream", [2, 5, width]);
  const final = (spec: ModelSpec, values: Values) =>
    evaluateStack(spec, values, { x, outputs: ({ after }) => [after.at(-1)!] })[0]!;

  test("pre-and-post: the last stream is normed, and what is below it is read through another norm", () => {
    const spec = transformer({ placement: "pre-and-post", norm: { kind: "rmsnorm" } }, { depth: 1 });
    const values = startOf(spec);
    const row = [...final(spec, values).subarray(0, width)];
    expect(row.reduce((sum, v) => sum + v * v, 0) / width).toBeCloseTo(1, 4);
    for (const norm of ["mixerNorm", "mixerSumNorm", "channelNorm", "channelSumNorm"]) {
      const changed = new Map(values).set(`layers.0.${norm}.gain`, new Float32Array(width).fill(1).with(3, 2));
      expect(final(spec, changed), norm).not.toEqual(final(spec, values));
    }
  });

  test("parallel-norms: equal to parallel wiring while the norms are equal, with one more of them", () => {
    const [shared, apart] = (["parallel", "parallel-norms"] as const).map((wiring) =>
      transformer({ placement: "peri", wiring }, { depth: 2 }),
    ) as [ModelSpec, ModelSpec];
    const own = (spec: ModelSpec) => pathsOf(spec).filter((path) => /^layers\.0\.\w*Norm\.gain/.test(path));
    expect(own(shared)).toEqual(["layers.0.mixerNorm.gain", "layers.0.mixerOutNorm.gain"]);
    expect(own(apart).toSorted()).toEqual(
      ["mixerNorm", "mixerOutNorm", "channelNorm", "channelOutNorm"].map((name) => `layers.0.${name}.gain`).toSorted(),
    );
    const pre = (wiring: "parallel" | "parallel-norms") => transformer({ placement: "pre", wiring }, { depth: 2 });
    const values = startOf(pre("parallel-norms"));
    expect(final(pre("parallel-norms"), values)).toEqual(final(pre("parallel"), values));
    const moved = new Map(values).set("layers.0.channelNorm.gain", new Float32Array(width).fill(2));
    expect(final(pre("parallel-norms"), moved)).not.toEqual(final(pre("parallel"), moved));
  });
});

describe("what parts need", () => {
  test("a part that reads what nobody feeds is refused where it stands", () => {
    const spec = stack([{ mixer: attention }, { mixer: attention, norm: { kind: "adaptive-norm" } }]);
    expect(() => buildSpec(spec, { tokens })).toThrow(
      /^stack: layers\[1\]\.mixerNorm: expected a part that reads only what it is given \(ids_BT\), under the objective "next-token", got adaptive-norm, which needs cond_BTD\. .* \[E_SPEC_FEEDS\]$/,
    );
  });

  test("values of an earlier layer are refused where none is", () => {
    const mixed = { mixer: { ...attention, valueResidual: "half" } } as const;
    expect(() => buildSpec(stack([mixed, { mixer: attention }]), { tokens })).toThrow(
      /layers\[0\]\.mixer: .*E_SPEC_HANDED/,
    );
    expect(buildSpec(stack([{ mixer: attention }, mixed]), { tokens }).model.decodes).toBe(true);
  });

  test("a norm over the whole sequence is named where a causal objective refuses it", () => {
    const spec = stack([{ mixer: attention, norm: { kind: "groupnorm", over: "sequence" } }]);
    expect(() => buildSpec(spec, { tokens })).toThrow(/layers\[0\]\.mixerNorm: expected a causal norm,.*E_SPEC_FLOW/);
  });
});
