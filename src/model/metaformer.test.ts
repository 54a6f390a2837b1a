/** Layers as a frame, x + mixer(norm(x)) and x + mlp(norm(x)), into which any mixer fits, or none. */
import { describe, expect, test } from "vitest";
import { buildSpec, canonicalSpec, loadSpec, type SpecInput } from "../spec/index.ts";
import { randomNormal } from "../testing/index.ts";
import { parameterCount } from "./index.ts";
import { evaluateStack, startOf } from "./stream.fixture.ts";

const [width, T] = [16, 9];
type Layer = Exclude<SpecInput["layers"], { pattern: string }>[number];

/** The same two layers around every mixer. */
const frame = (mixer: Layer["mixer"], channel: Layer["channel"] = { kind: "mlp" }) =>
  canonicalSpec({
    name: "frame",
    width,
    embedding: { kind: "features", size: 3 },
    defaults: { norm: { kind: "layernorm" } },
    layers: [{ repeat: 2, mixer, channel }],
    head: { kind: "classes", classes: 4 },
    objective: { kind: "classification" },
  });

const swapped = [
  { kind: "attention", causal: false },
  { kind: "pooling" },
  { kind: "identity" },
  { kind: "random-mixing" },
  { kind: "fnet" },
  { kind: "token-mlp" },
  { kind: "token-linear" },
  { kind: "synthesizer", causal: false },
  { kind: "conv2d", groups: "features" },
  { kind: "dynamic-conv", causal: false },
  { kind: "mamba" },
  { kind: "min-gru" },
  { kind: "gla" },
] as const satisfies readonly Layer["mixer"][];

test("[metaformer] one configuration takes any of thirteen mixers as it is, identity among them", () => {
  const x = randomNormal("stream", [1, T, width]);
  const streams = swapped.map((mixer) => {
    const spec = frame(mixer);
    expect({ ...spec, layers: spec.layers.map(({ mixer: _, ...rest }) => rest) }).toEqual({
      ...frame({ kind: "pooling" }),
      layers: frame({ kind: "pooling" }).layers.map(({ mixer: _, ...rest }) => rest),
    });
    expect(buildSpec(spec, { tokens: 1 }).model.outputs).toBe(4);
    const [last] = evaluateStack(spec, startOf(spec), { x, outputs: ({ after }) => [after.at(-1)!] });
    expect(last!.every(Number.isFinite)).toBe(true);
    return [...last!];
  });
  expect(new Set(streams.map(String)).size).toBe(swapped.length);
  // Identity in a layer without the rest of the frame: the stream and its norm.
  const alone = frame({ kind: "identity" }, { kind: "none" });
  const [after, normed] = evaluateStack(alone, startOf(alone), {
    x,
    outputs: ({ after: [first, second] }) => {
      const centred = first!.sub(first!.mean(-1, true));
      const unit = centred.div(centred.square().mean(-1, true).add(1e-5).sqrt());
      return [second!, first!.add(unit)];
    },
  });
  after!.forEach((value, i) => void expect(value).toBeCloseTo(normed![i]!, 10));
});

describe("counts", () => {
  const sizeOf = (spec: Parameters<typeof buildSpec>[0]) =>
    parameterCount(buildSpec(spec, { tokens: 1 }).model.parameters);

  test("[resmlp] B24 has 115.7 million parameters by its formula, and of each layer only 196² + 196 mix tokens", () => {
    const [D, L, F] = [768, 196, 3072];
    const layer = L * L + L + (D * F + F) + (F * D + D) + 2 * 2 * D + 2 * D;
    const whole = 768 * D + D + 24 * layer + 2 * D + D * 1000 + 1000;
    expect(sizeOf(loadSpec("published/resmlp"))).toBe(whole);
    expect(whole / 1e6).toBeCloseTo(115.7, 1);
    const { model } = buildSpec(loadSpec("published/resmlp"), { tokens: 1 });
    const mixing = [...model.parameters].filter(([path]) => path.startsWith("layers.0.mixer."));
    expect(parameterCount(new Map(mixing))).toBe(L * L + L);
  });

  const plain = { kind: "attention", causal: false, heads: 1 } as const;
  const net = { kind: "mlp", bias: false } as const;

  test("[minimal-no-mlp] without channel mixers two thirds of a layer's matrices are saved, to the last parameter", () => {
    const norm = 2 * width;
    const [whole, bare] = [sizeOf(frame(plain, net)), sizeOf(frame(plain, { kind: "none" }))];
    const rest = sizeOf(frame({ kind: "identity" }, { kind: "none" })) - 2 * norm;
    expect(whole - bare - 2 * norm).toBe((2 / 3) * (whole - rest - 2 * 2 * norm));
    expect(bare - rest - 2 * norm).toBe(2 * 4 * width ** 2);
  });
});
