/** What is known of attention from its literature, one test a claim. Axes as in `attention.ts`. */
import { describe, expect, test } from "vitest";
import { runReference } from "../../engine/reference.ts";
import { vjp } from "../../grad/index.ts";
import { concat, constant, input, sizeOf, type Tensor, topological, zeros } from "../../tensor/index.ts";
import { fieldShape } from "../../testing/decoder.ts";
import { type Arrays, expectSameFunction, mapArray, type NdArray, randomNormal, run } from "../../testing/index.ts";
import { mixerSubject, rigOf } from "../../testing/mixer-rig.ts";
import { contextOf, plainIo, testedPart, withPrefix } from "../../testing/part.ts";
import type { Io, Mixer } from "../define.ts";
import { sinusoidal } from "../positions/sinusoidal.ts";
import { attention } from "./attention.ts";

type Options = Readonly<Record<string, unknown>>;
const mixer = attention as unknown as Mixer;
const partOf = (options: Options, width: number) => testedPart(mixer, options, (c) => mixer.dims(c, width));
type Part = ReturnType<typeof partOf>;

const forward = (part: Part, x: Tensor, at: Readonly<Record<string, Tensor>>, io: Partial<Io> = {}) =>
  mixer.forward(x, { ...contextOf(part, at), s: {}, io: { ...plainIo("eval"), ...io } });

/** y and weights for parameters given by name, or drawn. */
function attend(options: Options, x: NdArray, { parameters, io }: { parameters?: Arrays; io?: Partial<Io> } = {}) {
  const part = partOf(options, x.shape[2]!);
  const inputs = { x, ...withPrefix("p.", parameters ?? part.parameters) };
  const build = (at: Readonly<Record<string, Tensor>>) => {
    const { y, probes } = forward(part, at.x!, at, io);
    return { y, weights: probes!.weights_BHTS! };
  };
  return run({ inputs, build }) as { y: NdArray; weights: NdArray };
}

/** Columns [start, end) of a matrix, and matrices side by side. */
const columns = ({ shape: [rows, width], data }: NdArray, start: number, end: number): NdArray => ({
  shape: [rows!, end - start],
  data: data.filter((_, i) => i % width! >= start && i % width! < end),
});
const beside = (parts: readonly NdArray[]): NdArray =>
  run({
    inputs: {},
    build: () => ({
      joined: concat(
        1,
        parts.map(({ data, shape }) => constant(data, shape)),
      ),
    }),
  }).joined!;
const rowsOf = ({ shape: [, width], data }: NdArray, start: number, end: number): NdArray => ({
  shape: [end - start, width!],
  data: data.slice(start * width!, end * width!),
});

const width = 16;
const x = randomNormal("x", [2, 7, width]);

describe("heads", () => {
  const [H, K] = [4, 4];
  const { qkv, out } = partOf({}, width).parameters as { qkv: NdArray; out: NdArray };
  const head = (which: number, h: number) => columns(qkv, (which * H + h) * K, (which * H + h + 1) * K);

  test("[mha] heads in one product equal separate modules of one head, at the cost of one wide head", () => {
    const whole = attend({}, x).y;
    const parts = Array.from({ length: H }, (_, h) => {
      const parameters = { qkv: beside([head(0, h), head(1, h), head(2, h)]), out: rowsOf(out, h * K, (h + 1) * K) };
      return attend({ heads: 1, headSize: K }, x, { parameters }).y;
    });
    const sum = mapArray(whole, (_, i) => parts.reduce((total, part) => total + part.data[i]!, 0));
    expect(whole).toBeAllclose(sum, { tolerance: 1e-12 });
    expect(projectionWork({ heads: 8, headSize: 64 }, 512)).toBe(projectionWork({ heads: 1, headSize: 512 }, 512));
  });

  /** Key and value heads g of `groups`, each as often as query heads share it. */
  function repeated(grouped: NdArray, groups: number): NdArray {
    const group = (which: number, g: number) =>
      columns(grouped, (H + which * groups + g) * K, (H + which * groups + g + 1) * K);
    const shared = (which: number) => Array.from({ length: H }, (_, h) => group(which, Math.floor(h / (H / groups))));
    return beside([columns(grouped, 0, H * K), ...shared(0), ...shared(1)]);
  }

  test("[gqa] as many groups as heads is MHA, one is MQA, bit for bit; pooling the heads of an MHA gives its parameters", () => {
    expect(attend({ kvHeads: H }, x)).toEqual(attend({}, x));
    for (const kvHeads of [1, 2]) {
      const { parameters } = partOf({ kvHeads }, width);
      const spelled = { ...parameters, qkv: repeated(parameters.qkv!, kvHeads) };
      expect(attend({ kvHeads }, x, { parameters })).toEqual(attend({}, x, { parameters: spelled }));
    }
    const pooled = beside([
      columns(qkv, 0, H * K),
      ...[1, 2].flatMap((which) => [0, 1].map((g) => meanOf([head(which, 2 * g), head(which, 2 * g + 1)]))),
    ]);
    expect(pooled.shape).toEqual(partOf({ kvHeads: 2 }, width).parameters.qkv!.shape);
    expect(attend({ kvHeads: 2 }, x, { parameters: { qkv: pooled, out } }).y.shape).toEqual(x.shape);
  });

  test("[mqa] one key head is GQA with one group, and its cache is smaller by the number of heads", () => {
    const { parameters } = partOf({ kvHeads: 1 }, width);
    expect(parameters.qkv!.shape).toEqual([width, (H + 2) * K]);
    const spelled = { ...parameters, qkv: repeated(parameters.qkv!, 1) };
    expect(attend({ kvHeads: 1 }, x, { parameters }).y).toEqual(attend({ kvHeads: H }, x, { parameters: spelled }).y);
    expect(cacheElements({ heads: 8 }, 64)).toBe(8 * cacheElements({ heads: 8, kvHeads: 1 }, 64));
  });
});

const meanOf = (parts: readonly NdArray[]): NdArray =>
  mapArray(parts[0]!, (_, i) => parts.reduce((sum, part) => sum + part.data[i]!, 0) / parts.length);

/** Multiplications of activations with parameters, for 4 tokens. */
function projectionWork(options: Options, D: number): number {
  const c = attention.config.parse(options);
  const d = attention.dims(c, D);
  const weights = Object.entries(attention.params(d, c)).map(([name, declaration]) => [
    name,
    { path: name, declaration, tensor: input(name, declaration.shape) },
  ]);
  const { y } = mixer.forward(input("x", [1, 4, D]), {
    c,
    d,
    p: Object.fromEntries(weights),
    s: {},
    b: {},
    io: plainIo("eval"),
  });
  return topological([y]).reduce((sum, node) => {
    const byParameter = node.op === "matmul" && node.inputs[1]!.node.op === "input";
    return byParameter ? sum + node.outputs[0]!.size * node.inputs[0]!.dim(-1) : sum;
  }, 0);
}

/** Elements of keys and values per sequence after these tokens. */
function cacheElements(options: Options, tokens: number, D = 64): number {
  const part = partOf(options, D);
  return Object.values(mixer.state(part.d, part.c)).reduce((sum, field) => sum + sizeOf(fieldShape(field, tokens)), 0);
}

test("[qk-norm] scores are bounded by the temperature, and scaling x leaves the weights as they were", () => {
  const larger = mapArray(x, (value) => 100 * value);
  for (const qkNorm of ["l2", "rms"]) {
    const [here, there] = [attend({ qkNorm }, x), attend({ qkNorm }, larger)];
    expect(there.weights).toBeAllclose(here.weights, { tolerance: 1e-5 });
  }
  const part = partOf({ qkNorm: "l2", causal: false }, width);
  const temperature = { shape: [4], data: Float64Array.of(0.5, 1, 2, 4) };
  const { weights } = attend({ qkNorm: "l2", causal: false }, larger, {
    parameters: { ...part.parameters, temperature },
  });
  for (let row = 0; row < weights.data.length; row += 7) {
    const p = weights.data.subarray(row, row + 7);
    const bound = temperature.data[Math.floor(row / 49) % 4]!;
    expect(Math.log(Math.max(...p) / Math.min(...p))).toBeLessThanOrEqual(2 * bound + 1e-9);
  }
});

describe("what a token sees", () => {
  test("[causal-mask] another token j changes no bit before j, and token by token gives what all at once does", () => {
    const before = attend({}, x).y;
    for (let j = 1; j < 7; j++) {
      const after = attend(
        {},
        mapArray(x, (value, i) => (Math.floor(i / width) % 7 === j ? -value : value)),
      ).y;
      const untouched = (i: number) => Math.floor(i / width) % 7 < j;
      expect(after.data.filter((_, i) => untouched(i))).toEqual(before.data.filter((_, i) => untouched(i)));
      expect(after.data).not.toEqual(before.data);
    }
    const rig = rigOf(mixer, {}, { width, canonical: (s) => s, naive: () => ({ y: 0 }) });
    const pieces = (form: "forward" | "step") => ({ pieces: [{ form, tokens: 7 }], from: "start" as const });
    expectSameFunction(mixerSubject(rig, pieces("step")), mixerSubject(rig, pieces("forward")));
  });

  test("[padding-mask] each sequence of a padded batch gives what it gives alone", () => {
    const lengths = [7, 4];
    const mask_BT = constant(
      lengths.flatMap((length) => Array.from({ length: 7 }, (_, t) => (t < length ? 1 : 0))),
      [2, 7],
      "bool",
    );
    for (const causal of [true, false]) {
      const padded = attend({ causal }, x, { io: { mask_BT } }).y;
      for (const [b, length] of lengths.entries()) {
        const row = (data: Float64Array) => data.slice(b * 7 * width, (b * 7 + length) * width);
        const alone = attend({ causal }, { shape: [1, length, width], data: row(x.data) }).y;
        expect({ ...alone, data: row(padded.data) }).toBeAllclose(alone, { tolerance: 1e-12 });
      }
    }
  });

  test("[permutation-equivariance] without positions a permutation of the tokens permutes the outputs; with positions it does not", () => {
    const order = [3, 0, 6, 1, 5, 2, 4];
    const permuted = (array: NdArray): NdArray =>
      mapArray(
        array,
        (_, i) =>
          array.data[(Math.floor(i / (7 * width)) * 7 + order[Math.floor(i / width) % 7]!) * width + (i % width)]!,
      );
    const withTable = (array: NdArray): NdArray => {
      const at = {
        c: sinusoidal.config.parse({}),
        d: { D: width, pairs: width / 2 },
        p: {},
        b: {},
        io: plainIo("eval"),
      };
      const positions = constant([0, 1, 2, 3, 4, 5, 6], [1, 7], "i32");
      return run({
        inputs: {},
        build: () => ({ y: sinusoidal.embed!(constant(array.data, array.shape), positions, at) }),
      }).y!;
    };
    const apart = (options: Options, place: (array: NdArray) => NdArray = (array) => array) => {
      const [here, there] = [permuted(attend(options, place(x)).y), attend(options, place(permuted(x))).y];
      return Math.max(...there.data.map((value, i) => Math.abs(value - here.data[i]!)));
    };
    expect(apart({ causal: false })).toBeLessThan(1e-6);
    for (const kind of ["rope", "alibi", "t5-bias"])
      expect(apart({ causal: false, positions: { kind } })).toBeGreaterThan(1e-3);
    expect(apart({ causal: false }, withTable)).toBeGreaterThan(1e-3);
  });

  test("[sliding-window] L layers of window w see L·(w − 1) + 1 tokens; w ≥ n is full; the band is the masked full matrix", () => {
    const tokens = 14;
    for (const [layers, window] of [
      [1, 3],
      [2, 3],
      [3, 4],
    ] as const) {
      const part = partOf({ window }, width);
      const at = Object.fromEntries(
        Object.entries(part.parameters).map(([name, { shape, data }]) => [`p.${name}`, constant(data, shape)]),
      );
      const leaf = input("x", [1, tokens, width]);
      let y: Tensor = leaf;
      for (let l = 0; l < layers; l++) y = forward(part, y, at).y;
      const last = y.slice(1, tokens - 1);
      const [gradient] = vjp([last], [constant(randomNormal("probe", last.shape).data, last.shape)], [leaf]);
      const [values] = runReference([gradient!.square().sum(2)], {
        x: randomNormal("probed", [1, tokens, width]).data,
      });
      const seen = values!.findIndex((value) => value !== 0);
      expect(tokens - seen).toBe(layers * (window - 1) + 1);
    }
    expect(attend({ window: 7 }, x).y.data).toEqual(attend({}, x).y.data);
    const { weights } = attend({ window: 3 }, x);
    const full = attend({}, x).weights;
    for (let row = 0; row < weights.data.length; row += 7) {
      const t = (row / 7) % 7;
      const visible = Array.from({ length: 7 }, (_, j) => (j <= t && t - j < 3 ? full.data[row + j]! : 0));
      const total = visible.reduce((sum, value) => sum + value, 0);
      visible.forEach((value, j) => void expect(weights.data[row + j]).toBeCloseTo(value / total, 12));
    }
  });
});

test("[kv-cache] two layers decoding from their caches give the logits of all tokens at once, in 2·L·n·heads·size numbers", () => {
  for (const options of [{}, { kvHeads: 2 }, { kvHeads: 1 }]) {
    const parts = [0, 1].map(() => partOf({ ...options, positions: { kind: "rope" } }, width));
    const weights = parts.map((part, l) =>
      Object.fromEntries(
        Object.entries(part.parameters).map(([name, { shape }]) => [
          `p.${name}`,
          constant(randomNormal(`${name} ${l}`, shape, 0.3).data, shape),
        ]),
      ),
    );
    const unembedding = constant(randomNormal("unembedding", [width, 11]).data, [width, 11]);
    const tokens = constant(x.data, x.shape);
    const all = parts
      .reduce((stream, part, l) => stream.add(forward(part, stream, weights[l]!).y), tokens)
      .matmul(unembedding);
    const decoded = decode(parts, weights, tokens).map((stream) => stream.matmul(unembedding).unsqueeze(1));
    const { cached, uncached } = run({ inputs: {}, build: () => ({ cached: concat(1, decoded), uncached: all }) });
    expect(cached!).toBeAllclose(uncached!, { tolerance: 1e-6 });
    const [kvHeads, bytes, batch] = [Number(options.kvHeads ?? 4), 4, 2];
    expect(parts.length * cacheElements(options, 7, width) * bytes * batch).toBe(
      2 * 2 * 7 * kvHeads * 4 * bytes * batch,
    );
  }
});

/** Streams [B, D] after the last layer, token by token, with buffers for 8 tokens. */
function decode(parts: readonly Part[], weights: readonly Record<string, Tensor>[], tokens: Tensor): Tensor[] {
  const caches = parts.map((part) => {
    const shape = [2, part.d.G as number, 8, part.d.K as number];
    return { k_BHTK: zeros(shape), v_BHTK: zeros(shape) };
  });
  return Array.from({ length: tokens.dim(1) }, (_, t) =>
    parts.reduce(
      (stream, part, l) => {
        const io = { ...plainIo("eval"), length_B: constant([t, t], [2], "i32") };
        const { y, s } = mixer.step!(stream, { ...contextOf(part, weights[l]!), s: caches[l]!, io });
        const write = (buffer: Tensor, entry: Tensor) =>
          concat(2, [buffer.slice(2, 0, t), entry, buffer.slice(2, t + 1)]);
        caches[l] = { k_BHTK: write(caches[l]!.k_BHTK, s.k_BHTK!), v_BHTK: write(caches[l]!.v_BHTK, s.v_BHTK!) };
        return stream.add(y);
      },
      tokens.at(1, t),
    ),
  );
}
