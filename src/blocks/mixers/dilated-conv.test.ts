import { expect, test } from "vitest";
import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { naiveConvolution } from "./convolution-naive.ts";
import { dilatedConv } from "./dilated-conv.ts";
import { reachedBy } from "./receptive-field.fixture.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof dilatedConv.config.parse>,
  ReturnType<typeof dilatedConv.dims>,
  ReturnType<typeof dilatedConv.params>,
  ReturnType<typeof dilatedConv.state>
>;

const relu = (row: readonly number[], activation: "relu" | "none" = "relu"): number[] =>
  row.map((value) => (activation === "relu" ? Math.max(0, value) : value));

const mapped = (row: readonly number[], weight: Loose, offset: Loose): number[] =>
  Array.from(offset as unknown as number[], (start, o) =>
    row.reduce((sum, value, i) => sum + value * (weight[i]![o] as unknown as number), start),
  );

function layerNorm(row: readonly number[], weight: Loose, offset: Loose): number[] {
  const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
  const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
  return row.map(
    (value, i) =>
      ((value - mean) / Math.sqrt(variance + 1e-5)) * (weight[i] as unknown as number) +
      (offset[i] as unknown as number),
  );
}

/** What ByteNet's block convolves. */
const before = (row: readonly number[], p: Readonly<Record<string, Loose>>): number[] =>
  relu(layerNorm(mapped(relu(row), p["down"]!, p["downBias"]!), p["downNorm"]!, p["downNormBias"]!));

mixerSuite(dilatedConv, {
  configs: [
    {},
    { taps: 2, dilation: 3, activation: "none" },
    { causal: false, dilation: 2, activation: "none" },
    { taps: 2, dilation: 2, inner: 3 },
  ],
  width: 4,
  naive: ({ x, p, c, s }: At) => {
    const inner = x.map((tokens) => tokens.map((row) => (c.inner === undefined ? row : before(row, p))));
    const { rows, s: next } = naiveConvolution({ x: inner, weight: p.conv, bias: p.bias, ...c, past: s?.past });
    const y = rows.map((tokens) =>
      tokens.map((row) => {
        const active = relu(c.inner === undefined ? row : layerNorm(row, p.norm!, p.normBias!), c.activation);
        return c.inner === undefined ? active : mapped(active, p.up!, p.upBias!);
      }),
    );
    return { y, s: next };
  },
});

test("the published ByteNet has its residual blocks: as many parameters as its maps, convolution and norms", () => {
  const [D, I, taps] = [1024, 512, 3];
  const c = dilatedConv.config.parse({ taps, inner: I });
  const declared = Object.values(dilatedConv.params(dilatedConv.dims(c, D), c)) as { shape: readonly number[] }[];
  const count = declared.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
  expect(count).toBe(D * I + I + 2 * I + taps * I * I + I + 2 * I + I * D + D);
});

test("[bytenet] layers of doubled dilation reach (k − 1)·Σ dilations, which doubles from layer to layer", () => {
  const taps = 3;
  for (const layers of [1, 2, 3]) {
    const configs = Array.from({ length: layers }, (_, l) => ({ taps, dilation: 2 ** l, activation: "none" }));
    expect(reachedBy(dilatedConv, configs)).toEqual({ behind: 0, ahead: (taps - 1) * (2 ** layers - 1) });
  }
});
