import { mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { tokenLinear } from "./token-linear.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof tokenLinear.config.parse>,
  ReturnType<typeof tokenLinear.dims>,
  ReturnType<typeof tokenLinear.params>
>;

mixerSuite(tokenLinear, {
  configs: [{ maxTokens: 24 }],
  width: 4,
  naive: ({ x, p }: At) => ({
    y: x.map((tokens) =>
      tokens.map((row, t) =>
        row.map((_, i) => tokens.reduce((sum, token, s) => sum + p.mix[s]![t]! * token[i]!, 0) + p.bias[t]!),
      ),
    ),
  }),
});
