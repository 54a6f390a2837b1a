import { expect, test } from "vitest";
import {
  channelSuite,
  drawParameters,
  type NaiveTokensArguments,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import { affine, naiveActivations } from "./activations-naive.ts";
import { productKeyMemory } from "./product-key-memory.ts";

type Config = ReturnType<typeof productKeyMemory.config.parse>;
type Arguments = Pick<NaiveTokensArguments<Config, { H: number; N: number; K: number }>, "x" | "c" | "d"> & {
  p: Record<"queryGain" | "queryBias", number[]> & { query: number[][]; values: number[][]; inputs?: number[][] } & {
    keys: number[][][][];
  };
};

const sum = (values: readonly number[]) => values.reduce((total, v) => total + v, 0);
const dot = (a: readonly number[], b: readonly number[]) => sum(a.map((v, i) => v * b[i]!));

function normed(query: number[], gain: number[], offset: number[]): number[] {
  const mean = sum(query) / query.length;
  const deviation = Math.sqrt(sum(query.map((v) => (v - mean) ** 2)) / query.length + 1e-5);
  return query.map((v, i) => ((v - mean) / deviation) * gain[i]! + offset[i]!);
}

/** Every slot of the memory is scored, and the best are sorted out. */
function naive({ x, p, c, d: { H, N, K } }: Arguments) {
  const act = naiveActivations[c.activation];
  const readBy = (token: number[], head: number): number[] => {
    const projected = affine(token, p.query);
    const half = (i: 0 | 1) =>
      normed(projected.slice((i * H + head) * K, (i * H + head + 1) * K), p.queryGain, p.queryBias);
    const [first, second] = [half(0), half(1)];
    const scores = Array.from(
      { length: N * N },
      (_, slot) => dot(first, p.keys[0]![head]![Math.floor(slot / N)]!) + dot(second, p.keys[1]![head]![slot % N]!),
    );
    const best = scores
      .map((_, slot) => slot)
      .sort((a, b) => scores[b]! - scores[a]!)
      .slice(0, c.topK);
    const e = best.map((slot) => Math.exp(scores[slot]!));
    const gates = best.map((slot, i) => (c.gates === "relu" ? Math.max(0, scores[slot]!) : e[i]! / sum(e)));
    const opened = best.map((slot, i) => gates[i]! * (p.inputs ? act(dot(p.inputs[slot]!, token)) : 1));
    return token.map((_, j) => sum(best.map((slot, i) => opened[i]! * p.values[slot]![j]!)));
  };
  const heads = Array.from({ length: H }, (_, head) => head);
  const y = x.map((row) =>
    row.map((token) => {
      const parts = heads.map((head) => readBy(token, head));
      return token.map((_, j) => sum(parts.map((part) => part[j]!)));
    }),
  );
  return { y };
}

channelSuite(productKeyMemory, {
  configs: [
    { heads: 2, keys: 5, topK: 3, keySize: 4 },
    { heads: 1, keys: 4, topK: 2, gates: "relu" },
    { heads: 2, keys: 4, topK: 3, slots: "neurons" },
  ],
  naive,
  width: 6,
});

test("a query reads different slots of n², and the active parameters are those of its keys and slots", () => {
  const [D, keys, topK] = [6, 20, 2];
  const c = productKeyMemory.config.parse({ heads: 1, keys, topK });
  const d = productKeyMemory.dims(c, D);
  const { slots } = run({
    inputs: { x: randomNormal("memory", [1, D]), ...drawParameters(productKeyMemory.params(d, c)) },
    build: ({ x, ...tensors }) => {
      const p = weightsFrom(tensors) as unknown as Parameters<typeof productKeyMemory.forward>[1]["p"];
      return { slots: productKeyMemory.forward(x!, { c, d, p, b: {}, io: plainIo("eval") }).probes!.slots! };
    },
  });
  expect(slots!.data).toHaveLength(topK);
  expect(new Set(slots!.data).size).toBe(topK);
  expect(productKeyMemory.activeParams!(d, c)).toBe(2 * d.K * (D + keys) + 2 * d.K + topK * D);
  expect(d.slots).toBe(400);
});
