import { expect, test } from "vitest";
import { buildSpec, canonicalSpec, loadSpec } from "../spec/index.ts";
import { sizeOf } from "../tensor/index.ts";
import { describeModel } from "./index.ts";

const describe = (spec: unknown) => {
  const built = buildSpec(canonicalSpec(spec), { tokens: 300 });
  return { built, description: describeModel(built, { context: 64 }) };
};
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const channel = { kind: "swiglu" };
const mixed = {
  name: "mixed",
  width: 32,
  layers: {
    pattern: "w l w l s r a",
    parts: {
      w: { mixer: { kind: "attention", window: 16 }, channel },
      l: { mixer: { kind: "attention", pattern: { kind: "chunk", size: 16, back: 1 } }, channel },
      s: { mixer: { kind: "attention", pattern: { kind: "dilated", keys: 8, dilation: 4 } }, channel },
      r: { mixer: { kind: "rg-lru" }, channel },
      a: { mixer: { kind: "attention" }, channel },
    },
  },
};

test("[hybrid-attn-local] full attention stands in a pattern with windowed, chunked, sparse and recurrent layers, and each layer's parameters and FLOPs are reported", () => {
  const { built, description } = describe(mixed);
  const { layers, parameters, flops } = description;
  expect(layers.map(({ mixer }) => mixer)).toEqual([...Array(5).fill("attention"), "rg-lru", "attention"]);
  const outside = [...built.model.parameters].filter(([path]) => !path.startsWith("layers."));
  const ofLayers = [...built.model.parameters].filter(([path]) => path.startsWith("layers."));
  expect(sum(layers.map((layer) => layer.parameters))).toBe(sum(ofLayers.map(([, { shape }]) => sizeOf(shape))));
  expect(sum(layers.map((layer) => layer.parameters))).toBe(
    parameters - sum(outside.map(([, { shape }]) => sizeOf(shape))),
  );
  // Beside the layers: the tied head's product, the last norm.
  const rest = flops.prefill - sum(layers.map((layer) => layer.flops));
  expect(rest).toBeGreaterThanOrEqual(2 * 32 * 300);
  expect(rest).toBeLessThan(1.1 * 2 * 32 * 300);
  for (const layer of layers) expect(layer.flops).toBeGreaterThan(2 * layer.parameters * 0.9);
});

test("FLOPs of experts are reported as executed and as active: those of the chosen ones, however they are served", () => {
  const [width, hidden, experts, topK] = [32, 40, 8, 2];
  const spec = (dispatch: string) => ({
    name: "experts",
    width,
    layers: [
      { mixer: { kind: "attention" }, channel },
      { mixer: { kind: "attention" }, channel: { kind: "moe", experts, topK, hidden, dispatch } },
    ],
  });
  const [dense, blocks] = ["dense", "blocks"].map((dispatch) => describe(spec(dispatch)).description);
  for (const { layers, flops } of [dense!, blocks!]) {
    const [plain, sparse] = layers;
    expect(plain!.activeFlops).toBe(plain!.flops);
    expect(flops.prefill - flops.prefillActive).toBeCloseTo(sparse!.flops - sparse!.activeFlops, 6);
  }
  const [all, sorted] = [dense!.layers[1]!, blocks!.layers[1]!];
  expect(all.activeFlops).toBeCloseTo(sorted.activeFlops, 6);
  // Every expert of every token; of the active ones and the router 2 for each parameter.
  const idle = 2 * 3 * width * hidden * (experts - topK);
  expect(all.flops - all.activeFlops).toBeGreaterThanOrEqual(idle);
  expect(all.flops - all.activeFlops).toBeLessThan(1.1 * idle);
  expect(sorted.flops).toBeGreaterThan(sorted.activeFlops);
});

test("a hybrid's layers keep what each of them keeps: only full attention's state grows with context", () => {
  const { layers, stateBytes } = describe(mixed).description;
  const at = (tokens: string) => layers.map((layer) => layer.stateBytes![tokens]!);
  for (const tokens of ["1024", "65536"]) expect(sum(at(tokens))).toBe(stateBytes![tokens]);
  expect(at("65536").slice(0, -1)).toEqual(at("1024").slice(0, -1));
  expect(at("65536").at(-1)).toBe(64 * at("1024").at(-1)!);
});

test("[hybrid-ssm-attn] SSM and attention layers in a Jamba-like ratio: the state is the attention layers' cache and the constant recurrent and convolution states", () => {
  const layers = {
    pattern: "m*7 a",
    parts: { m: { mixer: { kind: "mamba" } }, a: { mixer: { kind: "attention", heads: 4, kvHeads: 2 } } },
  };
  const { built, description } = describe({ name: "jamba-like", width: 32, layers });
  const bytesAt = (tokens: number) => description.stateBytes![String(tokens)]!;
  const growing = description.layers.filter((layer) => layer.stateBytes!["4096"] !== layer.stateBytes!["1024"]);
  expect(growing.map(({ mixer }) => mixer)).toEqual(["attention"]);
  const cacheBytes = (tokens: number) => 2 * tokens * 2 * (32 / 4) * 4;
  const fixed = sum(description.layers.slice(0, 7).map((layer) => layer.stateBytes!["1024"]!));
  expect(fixed).toBeGreaterThan(0);
  for (const tokens of [1024, 4096, 65_536, 1_048_576]) expect(bytesAt(tokens)).toBe(cacheBytes(tokens) + fixed);
  const first = [...built.model.states.keys()].filter((path) => path.startsWith("layers.0."));
  expect(first.map((path) => path.split(".").at(-1)).sort()).toEqual(["conv", "ssm"]);
});

test("layers that share weights cost nothing of their own and compute all the same", () => {
  const { layers } = describeModel(buildSpec(loadSpec("hybrid"), { tokens: 300 }), { context: 64 });
  expect(layers.every(({ flops }) => flops > 0)).toBe(true);
  const shared = describe({
    name: "shared",
    width: 32,
    layers: [{ mixer: { kind: "attention" }, channel, repeat: 2, share: true }],
  }).description.layers;
  expect(shared[1]!.parameters).toBe(0);
  expect(shared[1]!.flops).toBe(shared[0]!.flops);
});
