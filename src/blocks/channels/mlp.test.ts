import { expect, test } from "vitest";
import { constant, type Tensor } from "../../tensor/index.ts";
import {
  channelSuite,
  gradCheck,
  type NaiveTokensArguments,
  plainIo,
  randomNormal,
  run,
  type Subject,
  weightsFrom,
} from "../../testing/index.ts";
import { attention } from "../mixers/attention.ts";
import type { ParameterDeclaration } from "../weights/declare.ts";
import { type ActivationKind, activations } from "./activation.ts";
import { affine, naiveActivate } from "./activations-naive.ts";
import { type HiddenActivation, learnedKinds } from "./learned-activation.ts";
import { mlp } from "./mlp.ts";

type Weights = Record<"down", number[][]> &
  Partial<Record<"up" | "inner1" | "inner2", number[][]>> &
  Partial<Record<"upBias" | "downBias" | "innerBias1" | "innerBias2" | "hiddenGain", number[]>>;
type Arguments = Pick<NaiveTokensArguments<{ activation: HiddenActivation; used: number }>, "x" | "c"> & { p: Weights };

const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;

function normed(h: number[], gain: number[] | undefined): number[] {
  if (!gain) return h;
  const centred = h.map((v) => v - mean(h));
  const deviation = Math.sqrt(mean(centred.map((v) => v * v)) + 1e-5);
  return centred.map((v, i) => (v / deviation) * gain[i]!);
}

/** With `used` below 1 the other hidden units are 0 wherever they are. */
const naive = ({ x, p, c }: Arguments) => ({
  y: x.map((row) =>
    row.map((token) => {
      if (!p.up) return affine(token, p.down, p.downBias);
      const units = Math.max(1, Math.round(c.used * p.down.length));
      const act = (h: number[]) => naiveActivate(c.activation, h, p).map((v, i) => (i < units ? v : 0));
      let hidden = act(affine(token, p.up, p.upBias));
      if (p.inner1) hidden = act(affine(hidden, p.inner1, p.innerBias1));
      if (p.inner2) hidden = act(affine(hidden, p.inner2, p.innerBias2));
      return affine(normed(hidden, p.hiddenGain), p.down, p.downBias);
    }),
  ),
});

const kinds = [...(Object.keys(activations) as ActivationKind[]), ...learnedKinds];
channelSuite(mlp, {
  configs: [
    {},
    { ratio: 1.5, bias: false },
    { depth: 1 },
    { depth: 1, bias: false, used: 0.5 },
    { depth: 3, hidden: 6, activation: "silu" },
    { used: 0.5, hidden: 6 },
    { used: 0.4, hidden: 5, depth: 3, activation: "prelu" },
    { depth: 4, hidden: 5, bias: false, activation: "tanh", hiddenNorm: true },
    ...kinds.map((activation) => ({ activation, hidden: 6 })),
  ],
  naive,
  width: 8,
});

const [D, F] = [8, 32];
const config = mlp.config.parse({ activation: "relu" });
const matrixSize = (declared: Readonly<Record<string, ParameterDeclaration>>) =>
  Object.values(declared)
    .filter(({ role }) => role === "matrix")
    .reduce((sum, { shape }) => sum + shape[0]! * shape[1]!, 0);

const plain = ({ x, up, down, upBias, downBias }: Readonly<Record<string, Tensor>>) => {
  const p = weightsFrom({ up: up!, down: down!, upBias: upBias!, downBias: downBias! });
  return mlp.forward(x!, { c: config, d: { D, F }, p, b: {}, io: plainIo("eval") }).y;
};

test("[ffn-relu] permuting tokens permutes outputs, and it holds two thirds of a block's matrices", () => {
  const order = [3, 0, 4, 1, 2];
  const inputs = {
    x: randomNormal("x", [1, 5, D]),
    up: randomNormal("up", [D, F]),
    down: randomNormal("down", [F, D]),
    upBias: randomNormal("b1", [F]),
    downBias: randomNormal("b2", [D]),
  };
  const build: Subject["build"] = (at) => {
    const permute = (t: Tensor) => t.gather(1, constant(order, [5], "i32"));
    return { before: plain({ ...at, x: permute(at.x!) }), after: permute(plain(at)) };
  };
  const { before, after } = run({ inputs, build });
  expect(before).toEqual(after);

  const own = matrixSize(mlp.params(mlp.dims(config, D), config));
  const attentionConfig = attention.config.parse({ heads: 2 });
  const mixing = matrixSize(attention.params(attention.dims(attentionConfig, D), attentionConfig));
  expect(own).toBe(8 * D * D);
  expect(own / (own + mixing)).toBe(2 / 3);
});

test("[relu-gelu-silu] activations have their tabulated values and the gradients of central differences", () => {
  const table: [ActivationKind, number, number][] = [
    ["relu", -1, 0],
    ["relu", 2, 2],
    ["gelu", 1, 0.8413447460685429],
    ["gelu", -1, -0.15865525393145707],
    ["gelu-tanh", 1, 0.8411919906082768],
    ["silu", 1, 0.7310585786300049],
    ["silu", -2, -0.2384058440442351],
  ];
  for (const [kind, x, expected] of table) {
    const { y } = run({ inputs: {}, build: () => ({ y: activations[kind](constant([x], [1])) }) });
    expect(y!.data[0], `${kind}(${x})`).toBeCloseTo(expected, 12);
  }
  for (const kind of ["relu", "gelu", "gelu-tanh", "silu"] as const)
    gradCheck(({ x }) => activations[kind](x!), { x: randomNormal(kind, [20], 2) }, { smooth: "away from ties" });
});
