import { describe, expect, test } from "vitest";
import { constant, type Tensor } from "../../tensor/index.ts";
import {
  channelSuite,
  drawParameters,
  evaluate,
  expectSameFunction,
  plainIo,
  randomNormal,
  run,
  type Subject,
  weightsFrom,
} from "../../testing/index.ts";
import { moe } from "./moe.ts";
import { naiveMoe } from "./moe-naive.ts";

type Config = ReturnType<typeof moe.config.parse>;
const sum = (values: readonly number[]) => values.reduce((total, v) => total + v, 0);

channelSuite(moe, {
  configs: [
    { experts: 4 },
    { experts: 4, hidden: 5, dispatch: "blocks" },
    {
      experts: 4,
      topK: 1,
      routing: "topk-of-softmax",
      expert: "mlp",
      activation: "relu",
      capacityFactor: 1,
      jitter: 0.1,
      hidden: 5,
    },
    { experts: 3, topK: 2, capacityFactor: 0.8, hidden: 5, balanceWeight: 0, zWeight: 0 },
    { experts: 3, topK: 2, shared: 7, sharedGate: true, hidden: 4 },
    {
      experts: 6,
      topK: 2,
      routing: "sigmoid-topk-renormalise",
      groups: 3,
      keptGroups: 2,
      biasSpeed: 0.001,
      scale: 1.5,
      hidden: 4,
    },
    { experts: 4, routing: "topk-of-softmax", groups: 2, groupScore: "largest", scale: 2, hidden: 4 },
    { experts: 4, topK: 1, routing: "topk-of-sigmoid", hidden: 4 },
    { experts: 4, routing: "noisy-topk", hidden: 4 },
    { experts: 8, topK: 2, routing: "sinkhorn", hidden: 4 },
    { experts: 2, capacityFactor: 0.8, order: "choices", hidden: 4 },
    { experts: 3, capacityFactor: 0.5, order: "priority", hidden: 4, dispatch: "dense" },
    {
      experts: 4,
      routerBias: true,
      expertBias: true,
      limit: 0.3,
      upOffset: 1,
      activation: "gelu-sigmoid",
      hidden: 4,
      dispatch: "blocks",
    },
    { experts: 4, expert: "mlp", expertBias: true, capacityFactor: 1, hidden: 4, informationWeight: 0.1 },
    { experts: 4, topK: 1, routing: "topk-of-sigmoid", weighting: "input", shared: 5, hidden: 4 },
    { experts: 3, topK: 2, weighting: "input", capacityFactor: 0.8, hidden: 4 },
    { experts: 4, topK: 3, zeroExperts: 2, routing: "topk-of-softmax", biasSpeed: 0.001, scale: 1.5, hidden: 4 },
    { experts: 2, topK: 2, zeroExperts: 2, hidden: 4, dispatch: "blocks" },
    { experts: 2, topK: 2, zeroExperts: 2, hidden: 4, capacityFactor: 0.5 },
    {
      experts: 4,
      topK: 2,
      routing: "topk-of-sigmoid",
      expert: "mlp",
      activation: "relu",
      hidden: 4,
      routerNorm: "layernorm",
      balanceWeight: 0,
      zWeight: 0,
      entropyWeight: 0.01,
    },
  ],
  naive: naiveMoe,
  width: 6,
});

const D = 6;

/** The mixture over 24 tokens, with router, experts and input drawn. */
function mixture(config: Partial<Config>, shape: readonly number[] = [2, 12, D]): Subject {
  const c = moe.config.parse({ hidden: 5, ...config });
  const d = moe.dims(c, D);
  return {
    inputs: { x: randomNormal("tokens", shape), ...drawParameters(moe.params(d, c)) },
    build: ({ x, ...tensors }) => {
      const p = weightsFrom(tensors) as Parameters<typeof moe.forward>[1]["p"];
      const { y, losses = [], probes } = moe.forward(x!, { c, d, p, b: {}, io: plainIo("train") });
      return { y, load: probes!.load!, ...Object.fromEntries(losses.map(({ name, value }) => [name, value])) };
    },
  };
}

const only = (subject: Subject, name: string): Subject => ({
  ...subject,
  build: (at) => ({ [name]: subject.build(at)[name]! }),
});

describe("mixture of experts", () => {
  test.each([2, 3])("dense and sorted dispatch are one function, top %i", (topK) => {
    const shape = [2, 100, D];
    expectSameFunction(
      mixture({ experts: 4, topK, dispatch: "blocks" }, shape),
      mixture({ experts: 4, topK, dispatch: "dense" }, shape),
    );
  });

  test("capacity for every token drops none", () => {
    expectSameFunction(mixture({ experts: 4, capacityFactor: 4 }), mixture({ experts: 4 }));
  });

  test("[moe-topk] all experts give the dense weighted sum, loads sum to 1, idle experts get no gradient, parameters count as declared", () => {
    expect(() => moe.dims(moe.config.parse({ topK: 1 }), D)).toThrow(/gives the router no gradient.*E_MOE_TOPK/);
    expect(() => moe.dims(moe.config.parse({ topK: 9 }), D)).toThrow("E_MOE_TOPK");

    for (const routing of ["softmax-topk-renormalise", "topk-of-softmax"] as const) {
      const all = mixture({ experts: 3, topK: 3, routing, dispatch: "blocks" });
      const dense: Subject = { ...all, build: (at) => ({ y: weightedSum(at) }) };
      expectSameFunction(only(all, "y"), dense);
    }

    const { load } = run(mixture({ experts: 4 }));
    const choices = load!.data.map((share) => share * 24 * 2);
    expect(sum([...choices])).toBeCloseTo(24 * 2, 9);
    for (const count of choices) expect(count).toBeCloseTo(Math.round(count), 9);

    // With 2 tokens and 1 choice each, at least 2 of 4 experts are idle.
    const few = only(mixture({ experts: 4, topK: 1, routing: "topk-of-softmax" }, [1, 2, D]), "y");
    const shares = run(mixture({ experts: 4, topK: 1, routing: "topk-of-softmax" }, [1, 2, D])).load!.data;
    const { gradients } = evaluate(few);
    for (const name of ["gate", "up", "down"])
      shares.forEach((share, e) => {
        const own = gradients[name]!.data.slice(e * D * 5, (e + 1) * D * 5);
        expect(
          own.some((g) => g !== 0),
          `${name} of expert ${e}`,
        ).toBe(share > 0);
      });

    const c = moe.config.parse({ experts: 8, topK: 2, hidden: 5 });
    expect(moe.activeParams!(moe.dims(c, D), c)).toBe(D * 8 + 2 * 3 * D * 5);
  });

  test("[switch] overflowing tokens get zero output, and the balance loss of uniform routing is 1", () => {
    const subject = mixture({ experts: 4, topK: 1, routing: "topk-of-softmax", capacityFactor: 1 });
    // Equal tokens all go to one expert, which has 3 slots for each sequence of 12.
    const token = randomNormal("one token", [D]).data;
    const x = { shape: [2, 12, D], data: Float64Array.from({ length: 24 * D }, (_, i) => token[i % D]!) };
    const { y } = run({ ...subject, inputs: { ...subject.inputs, x } });
    for (let t = 0; t < 24; t++) {
      const zero = y!.data.slice(t * D, (t + 1) * D).every((v) => v === 0);
      expect(zero, `token ${t}`).toBe(t % 12 >= 3);
    }

    // Each token points to its own expert, so that the four are chosen equally often and are equally likely on average.
    const even = mixture({ experts: 4, topK: 1, routing: "topk-of-softmax" }, [1, 4, D]);
    const axes = (rows: number) =>
      Float64Array.from({ length: rows * D }, (_, i) => (Math.floor(i / D) === i % D ? 1 : 0));
    const router = {
      shape: [D, 4],
      data: Float64Array.from({ length: D * 4 }, (_, i) => (Math.floor(i / 4) === i % 4 ? 1 : 0)),
    };
    const { balance } = run({ ...even, inputs: { ...even.inputs, x: { shape: [1, 4, D], data: axes(4) }, router } });
    expect(balance!.data[0]).toBeCloseTo(1, 12);
  });
});

/** Σ_e p_e E_e(x), expert by expert. */
function weightedSum({ x, router, gate, up, down }: Readonly<Record<string, Tensor>>): Tensor {
  const probs = x!.matmul(router!).softmax(-1);
  const parts = Array.from({ length: 3 }, (_, e) => {
    const of = (w: Tensor) => w.at(0, e);
    const g = x!.matmul(of(gate!));
    const hidden = g.mul(g.sigmoid()).mul(x!.matmul(of(up!)));
    return hidden.matmul(of(down!)).mul(probs.gather(2, constant([e], [1], "i32")));
  });
  return parts.reduce((total, part) => total.add(part));
}
