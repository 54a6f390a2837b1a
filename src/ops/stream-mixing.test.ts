import { describe, expect, test } from "vitest";
import { constant, ones, rmsNorm, type Tensor, zeros } from "../tensor/index.ts";
import { gradCheck, randomNormal, run } from "../testing/index.ts";
import {
  closeStreams,
  depthAverage,
  doublyStochastic,
  dynamicDepthWeights,
  hyperConnection,
  joinSkip,
  manifoldConnection,
  openStreams,
  readStreams,
  writeStreams,
} from "./stream-mixing.ts";

const numbers = (build: () => Tensor): number[] => [...run({ inputs: {}, build: () => ({ y: build() }) }).y!.data];
const drawn = (label: string, shape: readonly number[]) => constant(randomNormal(label, shape).data, shape);
const [S, D] = [3, 4];
const x = drawn("stream", [2, 5, D]);
const branch = (t: Tensor) => t.mul(1.5).tanh();

/** Reading the first stream, carrying each, writing to all: what hyper-connections start from. */
const startOf = (streams: number) => ({
  alpha: constant(
    Array.from({ length: streams * (streams + 1) }, (_, i) => {
      const [row, column] = [Math.floor(i / (streams + 1)), i % (streams + 1)];
      return column === 0 ? Number(row === 0) : Number(column - 1 === row);
    }),
    [streams, streams + 1],
  ),
  beta: ones([streams]),
});

describe("hyper-connections", () => {
  test("at their start every stream is the plain residual sum", () => {
    const streams = openStreams(x, S);
    const mix = hyperConnection(streams, startOf(S));
    const next = writeStreams(streams, branch(readStreams(streams, mix)), mix);
    const plain = numbers(() => x.add(branch(x)));
    for (let s = 0; s < S; s++)
      numbers(() => next.at(2, s)).forEach((v, i) => void expect(v).toBeCloseTo(plain[i]!, 12));
    const sums = numbers(() => closeStreams(next));
    sums.forEach((v, i) => void expect(v).toBeCloseTo(S * plain[i]!, 12));
  });

  test("one static stream with shares of 1 is the residual sum, and gradients of dynamic shares are right", () => {
    const streams = openStreams(x, 1);
    const mix = hyperConnection(streams, { alpha: ones([1, 2]), beta: ones([1]) });
    const next = numbers(() => writeStreams(streams, branch(readStreams(streams, mix)), mix));
    expect(next).toEqual(numbers(() => x.add(branch(x))));

    const shapes = { x: [2, S, D], alpha: [S, 1 + S], beta: [S], mapA: [D, 1 + S], mapB: [D], a: [1], b: [1] };
    const inputs = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, randomNormal(name, shape)]));
    gradCheck((at) => {
      const dynamic = { alpha: at.mapA!, beta: at.mapB!, alphaScale: at.a!, betaScale: at.b! };
      const mix = hyperConnection(rmsNorm(at.x!, ones([D])), { alpha: at.alpha!, beta: at.beta!, dynamic });
      return writeStreams(at.x!, branch(readStreams(at.x!, mix)), mix);
    }, inputs);
  });

  test("on the manifold what is carried keeps the mean of the streams, and shares keep their ranges", () => {
    const streams = drawn("streams", [2, 5, S, D]);
    const mix = manifoldConnection(rmsNorm(streams, ones([D])), {
      alpha: drawn("alpha", [S, 1 + S]).mul(0.5),
      beta: drawn("beta", [S]),
      dynamicAlpha: drawn("map", [D, 1 + S]).mul(0.2),
      dynamicBeta: drawn("other map", [D]),
      readScale: ones([1]),
      carryScale: ones([1]),
      writeScale: ones([1]),
    });
    for (const axis of [-1, -2]) for (const sum of numbers(() => mix.carry.sum(axis))) expect(sum).toBeCloseTo(1, 4);
    for (const share of numbers(() => mix.read)) expect(share > 0 && share < 1).toBe(true);
    for (const share of numbers(() => mix.write)) expect(share > 0 && share < 2).toBe(true);
    const kept = numbers(() => writeStreams(streams, zeros([2, 5, D]), mix).mean(2));
    kept.forEach((v, i) => void expect(v).toBeCloseTo(numbers(() => streams.mean(2))[i]!, 3));
    expect(numbers(() => doublyStochastic(drawn("large", [S, S]).mul(200), 20)).every(Number.isFinite)).toBe(true);
  });
});

describe("sums over depth", () => {
  const states = ["h0", "h1", "h2"].map((name) => drawn(name, [2, 5, D]));

  test("[dense-connections] weights that are 1 at the last state give it back, and dynamic weights that move nothing are static ones", () => {
    const last = constant([0, 0, 1], [3]);
    expect(numbers(() => depthAverage(states, last))).toEqual(numbers(() => states[2]!));

    const fixed = drawn("weights", [3]);
    const dynamic = dynamicDepthWeights(states[2]!, { down: drawn("down", [D, 6]), up: zeros([6, 3]), fixed });
    expect(dynamic.shape).toEqual([2, 5, 3]);
    const sums = numbers(() => depthAverage(states, dynamic));
    numbers(() => depthAverage(states, fixed)).forEach((v, i) => void expect(sums[i]).toBeCloseTo(v, 12));
    gradCheck(
      ({ h0, h1, down, up, fixed }) =>
        depthAverage([h0!, h1!], dynamicDepthWeights(h1!, { down: down!, up: up!, fixed: fixed! })),
      {
        h0: randomNormal("h0", [3, D]),
        h1: randomNormal("h1", [3, D]),
        down: randomNormal("down", [D, 5]),
        up: randomNormal("up", [5, 2]),
        fixed: randomNormal("fixed", [2]),
      },
    );
  });

  test("a skip whose map takes only the stream changes nothing", () => {
    const identity = (size: number) => Array.from({ length: size * size }, (_, i) => Number(i % (size + 1) === 0));
    const w = constant([...new Array<number>(D * D).fill(0), ...identity(D)], [2 * D, D]);
    expect(numbers(() => joinSkip(states[2]!, states[0]!, w))).toEqual(numbers(() => states[2]!));
  });
});
