import { expect, test } from "vitest";
import { mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { convGlu } from "./conv-glu.ts";
import { naiveConvolution } from "./convolution-naive.ts";
import { reachedBy } from "./receptive-field.fixture.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof convGlu.config.parse>,
  ReturnType<typeof convGlu.dims>,
  ReturnType<typeof convGlu.params>,
  ReturnType<typeof convGlu.state>
>;

mixerSuite(convGlu, {
  configs: [{}, { taps: 4 }, { causal: false }],
  width: 4,
  naive: ({ x, p, c, s }: At) => {
    const { rows, s: next } = naiveConvolution({ x, weight: p.conv, bias: p.bias, ...c, dilation: 1, past: s?.past });
    const y = rows.map((row) => row.map((ab) => ab.slice(0, 4).map((a, i) => a / (1 + Math.exp(-ab[4 + i]!)))));
    return { y, s: next };
  },
});

test("[convs2s] L layers of k taps reach exactly L(k − 1) tokens ahead of an input, and none behind it", () => {
  for (const [layers, taps] of [
    [1, 3],
    [3, 3],
    [2, 5],
  ] as const)
    expect(reachedBy(convGlu, new Array(layers).fill({ taps }))).toEqual({ behind: 0, ahead: layers * (taps - 1) });
  expect(reachedBy(convGlu, [{ causal: false }, { causal: false }])).toEqual({ behind: 2, ahead: 2 });
});
