import { describe, expect, test } from "vitest";
import { createRng } from "../../ops/index.ts";
import { buildSpec, canonicalSpec } from "../../spec/index.ts";
import { objectiveLosses } from "../../train/index.ts";
import { type DenoiseOptions, denoise, type Predict } from "./denoise.ts";
import { noiseOf } from "./noise.ts";

/** A distribution over texts of three bits whose tokens depend on one another: mostly 000, 011, 101, 110. */
const joint = [0.31, 0.02, 0.03, 0.22, 0.01, 0.17, 0.2, 0.04];
const mask = 2;
const textOf = (code: number) => Int32Array.of((code >> 2) & 1, (code >> 1) & 1, code & 1);
const codeOf = (ids: ArrayLike<number>) => ids[0]! * 4 + ids[1]! * 2 + ids[2]!;
const texts = joint.map((_, code) => textOf(code));
const fits = (ids: ArrayLike<number>, text: Int32Array) => text.every((id, i) => ids[i] === mask || ids[i] === id);

/** p(x_place = id | what is revealed). */
function exact(ids: ArrayLike<number>, place: number, id: number): number {
  const mass = (wanted: (text: Int32Array) => boolean) =>
    joint.reduce((sum, p, code) => sum + (fits(ids, texts[code]!) && wanted(texts[code]!) ? p : 0), 0);
  return mass((text) => text[place] === id) / mass(() => true);
}

/** A model that is wrong: it hardly knows the first token, so that texts depend on the order. */
const blurred = (ids: ArrayLike<number>, place: number, id: number) =>
  place === 0 ? 0.2 * exact(ids, place, id) + 0.4 : exact(ids, place, id);

type Conditional = typeof exact;

describe("[text-diffusion-mask] the loss on a toy distribution of three tokens", () => {
  const subsets = [1, 2, 3, 4, 5, 6, 7];
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ];
  const masking = (text: Int32Array, subset: number) => text.map((id, i) => (subset & (1 << i) ? mask : id));
  const places = (subset: number) => [0, 1, 2].filter((i) => subset & (1 << i));

  /** E over l of (L/l)·Σ_masked −log p, enumerated. */
  const loss = (text: Int32Array, model: Conditional) =>
    subsets.reduce((sum, subset) => {
      const masked = places(subset);
      const weight = 3 / masked.length / (masked.length === 3 ? 1 : 3) / 3;
      return sum - weight * masked.reduce((nats, i) => nats + Math.log(model(masking(text, subset), i, text[i]!)), 0);
    }, 0);

  /** Probability that revealing one uniformly random place at a time writes the text. */
  const likelihood = (text: Int32Array, model: Conditional) =>
    orders.reduce((sum, order) => {
      const ids = Int32Array.of(mask, mask, mask);
      const p = order.reduce((product, i) => {
        const next = product * model(ids, i, text[i]!);
        ids[i] = text[i]!;
        return next;
      }, 1);
      return sum + p / 6;
    }, 0);

  const expected = (value: (text: Int32Array) => number) =>
    joint.reduce((sum, p, code) => sum + p * value(texts[code]!), 0);
  const entropy = expected((text) => -Math.log(joint[codeOf(text)]!));

  test("equals the entropy with exact conditionals", () => {
    expect(expected((text) => loss(text, exact))).toBeCloseTo(entropy, 12);
    for (const text of texts) expect(likelihood(text, exact)).toBeCloseTo(joint[codeOf(text)]!, 12);
  });

  test("bounds the negative log-likelihood from above, strictly for a model that is wrong", () => {
    for (const text of texts)
      expect(loss(text, blurred)).toBeGreaterThanOrEqual(-Math.log(likelihood(text, blurred)) - 1e-12);
    const nll = expected((text) => -Math.log(likelihood(text, blurred)));
    expect(expected((text) => loss(text, blurred))).toBeGreaterThan(nll + 1e-3);
    expect(nll).toBeGreaterThan(entropy);
  });

  test("is what the objective's evaluation estimates", () => {
    const spec = canonicalSpec({
      name: "toy",
      width: 4,
      layers: [{ mixer: { kind: "attention", heads: 1, causal: false, positions: { kind: "rope" } } }],
      objective: { kind: "masked-diffusion" },
    });
    const built = buildSpec(spec, { tokens: 2 });
    const count = 2000;
    const draws = 8;
    for (const code of [0, 3, 5]) {
      const inputs = Int32Array.from({ length: 3 * count }, (_, i) => texts[code]![i % 3]!);
      const windows = { count, length: 3, inputs, targets: inputs, mask: new Uint8Array(3 * count).fill(1) };
      let nats = 0;
      for (let draw = 0; draw < draws; draw++) {
        const feed = objectiveLosses["masked-diffusion"].feed(windows, built, { draw, draws, rng: createRng(code) });
        feed.weights.forEach((weight, i) => {
          const start = i - (i % 3);
          if (weight > 0)
            nats -= weight * Math.log(exact(feed.ids.subarray(start, start + 3), i % 3, feed.targets[i]!));
        });
      }
      expect(Math.abs(nats / count / draws / loss(texts[code]!, exact) - 1)).toBeLessThan(0.02);
    }
  });
});

describe("[text-diffusion-mask] sampling the toy distribution", () => {
  const predict: Predict = (ids, { start, end }) =>
    Array.from({ length: end - start }, (_, i) => [
      Math.log(exact(ids, start + i, 0)),
      Math.log(exact(ids, start + i, 1)),
      Number.NEGATIVE_INFINITY,
    ]).flat();

  /** Total variation between texts written and the joint distribution. */
  async function variation(options: Pick<DenoiseOptions, "steps" | "remasking">): Promise<number> {
    const count = 6000;
    const counts = joint.map(() => 0);
    for (let sample = 0; sample < count; sample++) {
      const ids = Int32Array.of(mask, mask, mask);
      const noise = noiseOf(createRng(sample), 3);
      for await (const _ of denoise(ids, predict, {
        vocabulary: 3,
        mask,
        start: 0,
        block: 3,
        temperature: 1,
        noise,
        ...options,
      }));
      counts[codeOf(ids)]!++;
    }
    return joint.reduce((sum, p, code) => sum + Math.abs(p - counts[code]! / count), 0) / 2;
  }

  test("one uniformly random place a step reproduces the joint distribution", async () => {
    expect(await variation({ steps: 3, remasking: "random" })).toBeLessThan(0.05);
  });

  test("low-confidence order and independent unmasking are biased", async () => {
    expect(await variation({ steps: 3, remasking: "low-confidence" })).toBeGreaterThan(0.05);
    expect(await variation({ steps: 1, remasking: "random" })).toBeGreaterThan(0.05);
  });
});
