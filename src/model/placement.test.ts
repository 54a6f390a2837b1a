import { beforeAll, describe, expect, test } from "vitest";
import { buildSpec, canonicalSpec, type SpecInput } from "../spec/index.ts";
import { randomNormal } from "../testing/index.ts";
import { parameterCount } from "./model.ts";
import { placements } from "./spec.ts";
import {
  evaluateStack,
  gradientSizes,
  startOf,
  type Trained,
  tokens,
  trainStack,
  transformer,
  type Values,
  variances,
} from "./stream.fixture.ts";

const width = 32;
const x = randomNormal("stream", [2, 16, width]);
const cotangent = randomNormal("cotangent", x.shape);
const steps = (values: readonly number[]) => values.slice(1).map((v, i) => v - values[i]!);
const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;
const largest = (values: ArrayLike<number>) => Array.from(values).reduce((max, v) => Math.max(max, Math.abs(v)), 0);

/** Parameters with one branch's last map at zero, so that it gives nothing. */
const silenced = (values: Values, suffix: string): Values =>
  new Map(
    [...values].map(([path, v]) => [path, path.endsWith(suffix) || path.endsWith("downBias") ? v.map(() => 0) : v]),
  );

const finalStream = (spec: ReturnType<typeof transformer>, values: Values) =>
  evaluateStack(spec, values, { x, outputs: ({ after }) => [after.at(-1)!] })[0]!;

describe("placement of norms", () => {
  let trained: Record<"pre" | "peri", Trained>;
  const rate = {
    steps: 150,
    optimizer: { kind: "adamw", learningRate: 0.01 },
    schedule: { kind: "constant" },
  } as const;
  beforeAll(async () => {
    const pre = await trainStack(transformer({ placement: "pre" }), rate);
    trained = { pre, peri: await trainStack(transformer({ placement: "peri" }), rate) };
  }, 60_000);

  test("every placement has the norms that it names", () => {
    const own = { pre: 2, post: 2, peri: 4, "res-post": 2, "pre-and-post": 4, none: 0 };
    for (const placement of placements) {
      const { model } = buildSpec(transformer({ placement }, { depth: 1 }), { tokens });
      const gains = [...model.parameters.keys()].filter((path) => /^layers\.0\..*Norm\.gain$/.test(path));
      expect(gains, placement).toHaveLength(own[placement]);
    }
  });

  test("[pre-ln] the stream's variance grows with depth, and it trains at a high rate without warmup", () => {
    const spec = transformer({ placement: "pre" });
    for (const growth of steps(variances(spec, startOf(spec, { undamped: true }), x)))
      expect(growth).toBeGreaterThan(0.3);
    const { losses } = trained.pre;
    expect(mean(losses.slice(-10))).toBeLessThan(0.65 * losses[0]!);
  });

  test("[post-ln] the stream's variance is 1 at every depth, and gradients near the top start larger than under pre-norm", () => {
    const of = (placement: "pre" | "post", depth: number) => {
      const spec = transformer({ placement }, { depth });
      const values = startOf(spec, { undamped: true });
      const sizes = gradientSizes(spec, values, { x, cotangent, name: "channel.down" });
      return { top: sizes.at(-1)!, bottom: sizes[0]!, variances: variances(spec, values, x).slice(1) };
    };
    const [post, deeper, pre, deeperPre] = [of("post", 6), of("post", 12), of("pre", 6), of("pre", 12)];
    for (const variance of [...post.variances, ...deeper.variances]) expect(variance).toBeCloseTo(1, 3);
    expect(post.top).toBeGreaterThan(1.5 * pre.top);
    expect(post.top / post.bottom).toBeGreaterThan(1.5 * (pre.top / pre.bottom));
    // Xiong et al. 2020, theorem 1: at the top it does not depend on the depth, under pre-norm it falls as 1/√depth.
    expect(deeper.top / post.top).toBeGreaterThan(0.9);
    expect(deeperPre.top / pre.top).toBeLessThan(0.9);
  });

  test("[peri-ln] variance starts to rise by about 1 a sublayer; trained, it rises less than under pre-norm, without huge activations", () => {
    const spec = transformer({ placement: "peri" });
    const start = variances(spec, startOf(spec), x);
    const perSublayer = (start.at(-1)! - start[0]!) / (2 * spec.layers.length);
    expect(perSublayer).toBeGreaterThan(0.75);
    expect(perSublayer).toBeLessThan(1.25);

    const pre = transformer({ placement: "pre" });
    const slope = (values: readonly number[]) => (values.at(-1)! - values[0]!) / (2 * spec.layers.length);
    expect(slope(variances(spec, trained.peri.values, x))).toBeLessThan(
      0.5 * slope(variances(pre, trained.pre.values, x)),
    );
    const peak = largest(finalStream(spec, trained.peri.values));
    expect(peak).toBeLessThan(0.7 * largest(finalStream(pre, trained.pre.values)));
    expect(peak).toBeLessThan(30);
  });

  test("[norm-none-vanilla] a layer without norms and shortcuts is its two parts one after the other", () => {
    const spec = transformer({ placement: "none", residual: { kind: "none" } }, { depth: 1 });
    const { model } = buildSpec(spec, { tokens });
    expect([...model.parameters.keys()].filter((path) => /^layers\..*Norm/.test(path))).toEqual([]);
    const silent = finalStream(spec, silenced(startOf(spec), "channel.down"));
    expect(largest(silent)).toBe(0);
    expect(largest(finalStream(spec, startOf(spec)))).toBeGreaterThan(0.01);
  });
});

describe("parallel wiring", () => {
  const options = { placement: "pre" } as const;
  const parallel = transformer({ ...options, wiring: "parallel" }, { depth: 1 });
  const serial = transformer(options, { depth: 1 });

  test("[paf] equal to the serial layer where one branch gives zero, one norm fewer, other parameters the same", () => {
    const counts = [serial, parallel].map((spec) => parameterCount(buildSpec(spec, { tokens }).model.parameters));
    expect(counts[0]! - counts[1]!).toBe(2 * width);
    const values = startOf(serial);
    expect(finalStream(parallel, silenced(values, "channel.down"))).toEqual(
      finalStream(serial, silenced(values, "channel.down")),
    );
    // With silent attention, the channel mixer reads x through the mixer's norm, which starts like its own.
    expect(finalStream(parallel, silenced(values, "mixer.out"))).toEqual(
      finalStream(serial, silenced(values, "mixer.out")),
    );
    expect(finalStream(parallel, values)).not.toEqual(finalStream(serial, values));
  });

  test("[parallel-ode-block] a parallel layer is an Euler step of x' = A(x) + M(x), and half a step twice is two tied layers", () => {
    const values = startOf(parallel);
    const half = transformer(
      { ...options, wiring: "parallel", residual: { kind: "scaled", scale: 0.5 } },
      { depth: 2 },
    );
    const tied = new Map(
      [...values].flatMap(([path, v]) => [[path, v] as const, [path.replace("layers.0.", "layers.1."), v] as const]),
    );
    const step = (size: number, at: typeof x) => {
      const full = evaluateStack(parallel, values, { x: at, outputs: ({ after }) => [after.at(-1)!] })[0]!;
      return { shape: at.shape, data: at.data.map((v, i) => v + size * (full[i]! - v)) };
    };
    const [attention, channel] = ["channel.down", "mixer.out"].map((other) =>
      finalStream(parallel, silenced(values, other)),
    );
    finalStream(parallel, values).forEach(
      (v, i) => void expect(v).toBeCloseTo(attention![i]! + channel![i]! - x.data[i]!, 12),
    );
    const twice = step(0.5, step(0.5, x));
    finalStream(half, tied).forEach((v, i) => void expect(v).toBeCloseTo(twice.data[i]!, 12));
  });

  test("it is kept in the canonical form, and left out where serial", () => {
    expect(parallel.layers[0]).toMatchObject({ wiring: "parallel" });
    expect(serial.layers[0]).not.toHaveProperty("wiring");
    expect(canonicalSpec(parallel)).toEqual(parallel);
  });
});

describe("flow of a layer", () => {
  const spec = (channel: { kind: "swiglu" } | { kind: "soft-moe" }, objective: "next-token" | "masked-diffusion") =>
    canonicalSpec({
      name: "flow",
      width,
      layers: [{ mixer: { kind: "attention", causal: objective === "next-token" }, channel }],
      objective: { kind: objective },
    } satisfies SpecInput);

  test("a channel mixer that sees the future makes the stack so, and leaves no way to decode", () => {
    const { model } = buildSpec(spec({ kind: "swiglu" }, "next-token"), { tokens });
    expect([model.flow, model.decodes]).toEqual(["causal", true]);
    expect(() => buildSpec(spec({ kind: "soft-moe" }, "next-token"), { tokens })).toThrow(
      /layers\[0\]\.channel: expected a causal channel mixer.*E_SPEC_FLOW/,
    );
    const { model: soft } = buildSpec(spec({ kind: "soft-moe" }, "masked-diffusion"), { tokens });
    expect([soft.flow, soft.decodes]).toEqual(["bidirectional", false]);
  });
});
