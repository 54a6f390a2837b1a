import { type NaiveTokensArguments, normSuite } from "../../testing/index.ts";
import { affine } from "./affine.ts";

type Arguments = Pick<NaiveTokensArguments, "x"> & { p: Record<"gain" | "bias", number[]> };

normSuite(affine, {
  configs: [{}],
  naive: ({ x, p }: Arguments) => ({
    y: x.map((row) => row.map((token) => token.map((v, i) => v * p.gain[i]! + p.bias[i]!))),
  }),
});
