/** Mega-pytorch's averages: one share and one damping for all features of an average; backwards in time the second half. */
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { bothWays } from "./both-ways.ts";
import { megaEma } from "./mega-ema.ts";
import { goldenIo, weightOf } from "./rnn-golden-weights.fixture.ts";

function build(c: GoldenCase): GoldenGraph {
  const [D, N] = [c.number("dim"), c.number("heads")];
  const config = megaEma.config.parse({ averages: N, skip: false, activation: "none", project: false, chunk: 4 });
  const weights = (half: number, prefix: string) => {
    const rate = (name: string) => weightOf(c.tensor(`param.${prefix}${name}`).unsqueeze(0).expand([D, N]));
    const perFeature = (name: string) =>
      weightOf(
        c
          .tensor(`param.${name}`)
          .slice(0, half * N, (half + 1) * N)
          .transpose([1, 0]),
      );
    return {
      share: rate("alphas"),
      damping: rate("dampen_factors"),
      spread: perFeature("expansion"),
      gathered: perFeature("reduction"),
    };
  };
  const at = { c: config, d: { D, N }, s: {}, b: {} };
  const x = c.tensor("in.x");
  if (!c.flag("bidirectional"))
    return { outputs: { "out.y": megaEma.forward(x, { ...at, p: weights(0, ""), io: goldenIo() }).y } };
  const { ahead, back } = bothWays(x, goldenIo(), (tokens, direction, io) =>
    megaEma.forward(tokens, {
      ...at,
      p: direction === "ahead" ? weights(0, "") : weights(1, "reverse_"),
      io,
    }),
  );
  return { outputs: { "out.y": ahead.y.add(back.y) } };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "mega_ema", build }];
