import { describe, expect, test } from "vitest";
import { z } from "zod";
import { defineChannel, linear, matrix } from "../blocks/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { NaiveTokensArguments, TokensRig } from "./channel-rig.ts";
import { channelRig, channelSuite } from "./channel-suite.ts";
import type { Law } from "./law.ts";
import * as laws from "./laws/tokens.ts";

/** The smallest channel mixer, by which the laws themselves are tested. */
const product = defineChannel({
  kind: "product",
  title: "Product",
  cite: { by: "nobody" },
  equations: ["y = x W"],
  config: z.strictObject({}),
  dims: (_c, D) => ({ D }),
  params: ({ D }) => ({ w: matrix(D, D) }),
  capabilities: { flow: "both", length: "any", batch: "independent", smooth: "everywhere", exact: "bitwise" },
  forward: (x, { p }) => ({ y: linear(x, p.w) }),
});

const naive = ({ x, p }: Pick<NaiveTokensArguments<unknown, unknown, { w: 0 }>, "x" | "p">) => ({
  y: x.map((row) => row.map((token) => token.map((_, j) => token.reduce((sum, v, i) => sum + v * p.w[i]![j]!, 0)))),
});

channelSuite(product, { configs: [{}], naive, width: 4 });

const sound = product.capabilities as TokensRig["capabilities"];

/** The product with its input changed first, or declared otherwise. */
function broken(change: {
  input?: (x: Tensor) => Tensor;
  capabilities?: Partial<TokensRig["capabilities"]>;
}): TokensRig {
  const { input = (x: Tensor) => x, capabilities } = change;
  return channelRig(
    { ...product, capabilities: { ...sound, ...capabilities }, forward: (x, at) => product.forward(input(x), at) },
    {},
    { naive, width: 4 },
  );
}

const faults: [string, Law<TokensRig>, TokensRig][] = [
  ["another function", laws.tokensNaive, broken({ input: (x) => x.mul(1.0001) })],
  ["a gradient that is cut", laws.tokensDerivatives, broken({ input: (x) => x.mul(x.stopGradient()) })],
  ["tokens that mix", laws.everyTokenAlone, broken({ input: (x) => (x.rank === 3 ? x.cumsum(1) : x) })],
  ["a view of the future", laws.tokensFlow, broken({ input: (x) => x.add(x.flip(1).mul(1e-12)) })],
  ["a future that should show", laws.tokensFlow, broken({ capabilities: { flow: "bidirectional" } })],
  ["sequences that mix", laws.tokensBatch, broken({ input: (x) => x.add(x.flip(0).mul(1e-12)) })],
  ["sequences that should mix", laws.tokensBatch, broken({ capabilities: { batch: "coupled in training" } })],
  ["padding that leaks", laws.tokensPadding, broken({ input: (x) => x.add(x.mean(1, true)) })],
  ["more active parameters than there are", laws.tokensShapes, { ...broken({}), activeParams: 17 }],
];

describe("laws of channel mixers notice", () => {
  test.each(faults)("%s", async (_fault, law, rig) => {
    await expect((async () => law.check(rig))()).rejects.toThrow("expected");
  });
});
