import { describe, expect, test } from "vitest";
import { constant, type Tensor } from "../../tensor/index.ts";
import {
  channelSuite,
  drawParameters,
  evaluate,
  expectSameFunction,
  type NaiveTokensArguments,
  plainIo,
  randomNormal,
  run,
  type Subject,
  weightsFrom,
} from "../../testing/index.ts";
import type { ActivationKind } from "./activation.ts";
import { affine, naiveActivations } from "./activations-naive.ts";
import { moe } from "./moe.ts";

type Weights = { router: number[][]; up: number[][][]; down: number[][][]; gate?: number[][][] } & Partial<
  Record<"sharedGate" | "sharedUp" | "sharedDown" | "sharedMix", number[][]>
>;
type Config = ReturnType<typeof moe.config.parse>;
type Arguments = Pick<NaiveTokensArguments<Config, { E: number; K: number }>, "x" | "c" | "d"> & { p: Weights };

const sum = (values: readonly number[]) => values.reduce((total, v) => total + v, 0);
const softmax = (z: readonly number[]) => {
  const e = z.map((v) => Math.exp(v - Math.max(...z)));
  return e.map((v) => v / sum(e));
};

function net(
  x: number[],
  { gate, up, down }: { gate?: number[][] | undefined; up: number[][]; down: number[][] },
  kind: ActivationKind,
): number[] {
  const act = naiveActivations[kind];
  const hidden = gate ? affine(x, up).map((v, i) => v * act(affine(x, gate)[i]!)) : affine(x, up).map(act);
  return affine(hidden, down);
}

/** One sequence after another, one token after another; experts' places are taken in that order. */
function naive({ x, p, c, d: { E, K } }: Arguments) {
  const routed = x.map((row) => row.map((token) => choose(affine(token, p.router), { K, c })));
  const capacity =
    c.capacityFactor === null ? Number.POSITIVE_INFINITY : Math.ceil(((x[0]!.length * K) / E) * c.capacityFactor);
  const y = x.map((row, b) => {
    const taken = new Array<number>(E).fill(0);
    return row.map((token, t) => {
      const out = sharedOf(token, p, c);
      for (const { expert, weight } of routed[b]![t]!.chosen)
        if (taken[expert]!++ < capacity) {
          const weights = { gate: p.gate?.[expert], up: p.up[expert]!, down: p.down[expert]! };
          for (const [i, v] of net(token, weights, c.activation).entries()) out[i]! += weight * v;
        }
      return out;
    });
  });
  return { y, losses: lossesOf(routed.flat(), { E, c }) };
}

function choose(logits: number[], { K, c }: { K: number; c: Config }) {
  const scores = c.routing.includes("sigmoid") ? logits.map((v) => 1 / (1 + Math.exp(-v))) : softmax(logits);
  const probs = scores.map((v) => v / sum(scores));
  const order = allowed(scores, c)
    .sort((a, b) => scores[b]! - scores[a]!)
    .slice(0, K);
  const own = c.routing.endsWith("renormalise") || c.routing === "noisy-topk";
  const factor = c.scale / (own ? sum(order.map((e) => scores[e]!)) : 1);
  return { logits, probs, chosen: order.map((expert) => ({ expert, weight: scores[expert]! * factor })) };
}

/** Experts of the best groups. */
function allowed(scores: number[], { groups, keptGroups, groupScore }: Config): number[] {
  const members = scores.length / groups;
  const best = Array.from({ length: groups }, (_, g) => {
    const own = scores.slice(g * members, (g + 1) * members).sort((a, b) => b - a);
    return { g, score: sum(own.slice(0, groupScore === "largest" ? 1 : 2)) };
  }).sort((a, b) => b.score - a.score);
  const kept = new Set(best.slice(0, keptGroups).map(({ g }) => g));
  return scores.map((_, e) => e).filter((e) => kept.has(Math.floor(e / members)));
}

function sharedOf(token: number[], p: Weights, c: Config): number[] {
  if (!p.sharedUp) return token.map(() => 0);
  const y = net(token, { gate: p.sharedGate, up: p.sharedUp, down: p.sharedDown! }, c.activation);
  const mix = p.sharedMix ? 1 / (1 + Math.exp(-affine(token, p.sharedMix)[0]!)) : 1;
  return y.map((v) => v * mix);
}

function lossesOf(tokens: readonly ReturnType<typeof choose>[], { E, c }: { E: number; c: Config }) {
  const mean = (values: readonly number[]) => sum(values) / values.length;
  const perExpert = Array.from(
    { length: E },
    (_, e) =>
      mean(tokens.map(({ chosen }) => chosen.filter(({ expert }) => expert === e).length)) *
      mean(tokens.map(({ probs }) => probs[e]!)),
  );
  const z = mean(tokens.map(({ logits }) => Math.log(sum(logits.map(Math.exp))) ** 2));
  if (c.routing === "noisy-topk") {
    const importance = Array.from({ length: E }, (_, e) =>
      sum(tokens.flatMap(({ chosen }) => chosen.filter(({ expert }) => expert === e).map(({ weight }) => weight))),
    );
    const centre = mean(importance);
    return { importance: mean(importance.map((v) => (v - centre) ** 2)) / (centre ** 2 + 1e-10), z };
  }
  return { ...(c.balanceWeight > 0 && { balance: E * sum(perExpert) }), ...(c.zWeight > 0 && { z }) };
}

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
  ],
  naive,
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
