import { describe, expect, test } from "vitest";
import { routeNoisyTopK, routeTopK, variation } from "../../ops/index.ts";
import { constant, type Tensor, zeros } from "../../tensor/index.ts";
import {
  drawParameters,
  evaluate,
  expectSameFunction,
  type NdArray,
  plainIo,
  randomNormal,
  run,
  type Subject,
  weightsFrom,
} from "../../testing/index.ts";
import { moe } from "./moe.ts";

const D = 6;
type Config = Partial<ReturnType<typeof moe.config.parse>>;

/** A mixture over [1, tokens, D]; the bias by which experts are chosen is an input. */
function mixture(
  config: Config,
  { tokens = 40, mode = "train" }: { tokens?: number; mode?: "train" | "eval" } = {},
): Subject {
  const c = moe.config.parse({ hidden: 5, ...config });
  const d = moe.dims(c, D);
  const buffers = moe.buffers!(d, c);
  const bias = Object.fromEntries(
    Object.entries(buffers).map(([name, shape]) => [name, { shape, data: new Float64Array(shape[0]!) }]),
  );
  return {
    inputs: { x: randomNormal("tokens", [1, tokens, D]), ...bias, ...drawParameters(moe.params(d, c)) },
    build: ({ x, choiceBias, ...tensors }) => {
      const p = weightsFrom(tensors) as unknown as Parameters<typeof moe.forward>[1]["p"];
      const b: Record<string, Tensor> = choiceBias ? { choiceBias } : {};
      const { y, losses = [], probes, buffers = {} } = moe.forward(x!, { c, d, p, b, io: plainIo(mode) });
      const values = Object.fromEntries(losses.map(({ name, value }) => [name, value]));
      return { y, shares: probes!.load!, ...buffers, ...values };
    },
  };
}

const logits = constant(randomNormal("logits", [12, 5]).data, [12, 5]);
const outputs = (build: () => Record<string, Tensor>) => run({ inputs: {}, build });

describe("noisy top-k", () => {
  test("[moe-noisy-topk] without noise it is plain top-k, and CV² is 0 exactly where amounts are equal", () => {
    const noise = { k: 2, spread_NE: logits.softplus() };
    const plain = outputs(() => ({ weights: routeTopK(logits, { k: 2, renormalise: true }).weights_NK }));
    const silent = outputs(() => ({
      weights: routeNoisyTopK(logits, { ...noise, noise_NE: zeros([12, 5]) }).weights_NK,
    }));
    expect(silent.weights).toEqual(plain.weights);
    expect(outputs(() => ({ weights: routeNoisyTopK(logits, noise).weights_NK })).weights).toEqual(plain.weights);
    const config = { experts: 4, balanceWeight: 1 };
    const only = (subject: Subject): Subject => ({ ...subject, build: (at) => ({ y: subject.build(at).y! }) });
    const noisy = only(mixture({ ...config, routing: "noisy-topk" }, { mode: "eval" }));
    const { noise: _, ...shared } = noisy.inputs;
    const usual = only(mixture(config, { mode: "eval" }));
    expect(run({ ...usual, inputs: shared }).y).toEqual(run(noisy).y);

    const of = (amounts: number[]) =>
      outputs(() => ({ cv: variation(constant(amounts, [amounts.length])) })).cv!.data[0]!;
    expect(of([3, 3, 3])).toBe(0);
    expect(of([3, 3, 3.1])).toBeGreaterThan(0);
    expect(of([1, 3])).toBeCloseTo(0.25, 9);
  });

  test("[moe-noisy-topk] a likelihood is the chance of the choice over new draws of that expert's noise", () => {
    const spread = 0.7;
    const noise = randomNormal("noise", [1, 5]);
    const row = logits.slice(0, 0, 1);
    const at = (draw: ArrayLike<number>) =>
      routeNoisyTopK(row, { k: 2, spread_NE: zeros([1, 5]).add(spread), noise_NE: constant(draw, [1, 5]) });
    const { likelihood } = outputs(() => ({ likelihood: at(noise.data).likelihood_NE! }));
    const draws = randomNormal("draws", [4000]).data;
    const clean = Array.from(outputs(() => ({ row })).row!.data);
    clean.forEach((own, e) => {
      const others = clean.map((v, i) => v + spread * noise.data[i]!).filter((_, i) => i !== e);
      const threshold = others.sort((a, b) => b - a)[1]!;
      const share = draws.filter((draw) => own + spread * draw > threshold).length / draws.length;
      expect(likelihood!.data[e]).toBeCloseTo(share, 1);
    });
  });

  test("in training the losses are importance and load, of which load reaches the noise map", () => {
    const subject = mixture({ experts: 4, routing: "noisy-topk" });
    expect(Object.keys(run(subject)).sort()).toEqual(["importance", "load", "shares", "y", "z"]);
    const only = (loss: string) =>
      evaluate({ ...subject, build: (at) => ({ loss: subject.build(at)[loss]! }) }).gradients;
    expect(only("load").noise!.data.some((g) => g !== 0)).toBe(true);
    expect(only("z").noise!.data.every((g) => g === 0)).toBe(true);
  });
});

describe("biases that even the load", () => {
  test("choices follow the bias, weights do not, and the bias moves against the load in training alone", () => {
    const config = { experts: 4, routing: "sigmoid-topk-renormalise", biasSpeed: 0.01 } as const;
    const subject = mixture(config);
    const wanted = { shape: [4], data: Float64Array.of(0, 0, 0, 9) };
    const { shares, choiceBias } = run(subject);
    shares!.data.forEach((share, e) => {
      expect(choiceBias!.data[e]).toBeCloseTo(0.01 * Math.sign(0.25 - share), 12);
    });
    const pushed = run({ ...subject, inputs: { ...subject.inputs, choiceBias: wanted } });
    expect(pushed.shares!.data[3]).toBeCloseTo(0.5, 12);
    expect(run(mixture(config, { mode: "eval" }))).not.toHaveProperty("choiceBias");

    // With every expert chosen, the bias decides nothing.
    const all = mixture({ ...config, topK: 4 });
    expect(run({ ...all, inputs: { ...all.inputs, choiceBias: wanted } }).y).toBeAllclose(run(all).y!);
  });

  test("steps of the bias even out a lopsided load", () => {
    const subject = mixture({ experts: 4, topK: 1, routing: "topk-of-sigmoid", biasSpeed: 0.02 }, { tokens: 200 });
    const spread = (shares: NdArray["data"]) => Math.max(...shares) - Math.min(...shares);
    let inputs = subject.inputs;
    const before = run({ ...subject, inputs });
    for (let step = 0; step < 40; step++) inputs = { ...inputs, choiceBias: run({ ...subject, inputs }).choiceBias! };
    expect(spread(run({ ...subject, inputs }).shares!.data)).toBeLessThan(0.5 * spread(before.shares!.data));
  });
});

describe("groups and plans", () => {
  test("one group is no group, and options that do not fit are refused", () => {
    const grouped = { experts: 6, groups: 1, keptGroups: 1 } as const;
    expectSameFunction(
      mixture({ ...grouped, routing: "topk-of-sigmoid" }),
      mixture({ experts: 6, routing: "topk-of-sigmoid" }),
    );
    const dims = (config: Config) => moe.dims(moe.config.parse(config), D);
    expect(() => dims({ experts: 8, topK: 3, groups: 4, keptGroups: 1 })).toThrow("E_MOE_GROUPS");
    expect(() => dims({ groups: 2, keptGroups: 3 })).toThrow("E_MOE_GROUPS");
    expect(() => dims({ routing: "noisy-topk", biasSpeed: 0.1 })).toThrow("E_MOE_ROUTING");
    expect(Number.isInteger(dims({ experts: 8, groups: 3, keptGroups: 3 }).expertsPerGroup)).toBe(false);
  });

  test("a Sinkhorn plan loads experts more evenly than the largest share does", () => {
    const spread = (mode: "train" | "eval") => {
      const { shares } = run(mixture({ experts: 4, topK: 1, routing: "sinkhorn" }, { tokens: 200, mode }));
      return Math.max(...shares!.data) - Math.min(...shares!.data);
    };
    expect(spread("train")).toBeLessThan(0.5 * spread("eval"));
  });
});
