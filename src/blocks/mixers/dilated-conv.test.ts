import { expect, test } from "vitest";
import { mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { naiveConvolution } from "./convolution-naive.ts";
import { dilatedConv } from "./dilated-conv.ts";
import { reachedBy } from "./receptive-field.fixture.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof dilatedConv.config.parse>,
  ReturnType<typeof dilatedConv.dims>,
  ReturnType<typeof dilatedConv.params>,
  ReturnType<typeof dilatedConv.state>
>;

mixerSuite(dilatedConv, {
  configs: [{}, { taps: 2, dilation: 3, activation: "none" }, { causal: false, dilation: 2, activation: "none" }],
  width: 4,
  naive: ({ x, p, c, s }: At) => {
    const { rows, s: next } = naiveConvolution({ x, weight: p.conv, bias: p.bias, ...c, past: s?.past });
    const y = rows.map((row) =>
      row.map((sums) => sums.map((sum) => (c.activation === "relu" ? Math.max(0, sum) : sum))),
    );
    return { y, s: next };
  },
});

test("[bytenet] layers of doubled dilation reach (k − 1)·Σ dilations, which doubles from layer to layer", () => {
  const taps = 3;
  for (const layers of [1, 2, 3]) {
    const configs = Array.from({ length: layers }, (_, l) => ({ taps, dilation: 2 ** l, activation: "none" }));
    expect(reachedBy(dilatedConv, configs)).toEqual({ behind: 0, ahead: (taps - 1) * (2 ** layers - 1) });
  }
});
