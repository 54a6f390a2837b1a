import { expect, test } from "vitest";
import { zeros } from "../../tensor/index.ts";
import { mixerSuite, type NaiveMixerArguments, plainIo } from "../../testing/index.ts";
import { gelu } from "./lti-naive.ts";
import { times } from "./plain-loops.ts";
import { tokenMlp } from "./token-mlp.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof tokenMlp.config.parse>,
  ReturnType<typeof tokenMlp.dims>,
  ReturnType<typeof tokenMlp.params>
>;

const transposed = (rows: readonly (readonly number[])[]) => rows[0]!.map((_, i) => rows.map((row) => row[i]!));

mixerSuite(tokenMlp, {
  configs: [{ maxTokens: 24, hidden: 3 }, { maxTokens: 21 }],
  width: 4,
  // [mlp-mixer] transpose, MLP on the sequence filled up with zeros, transpose.
  naive: ({ x, p, d }: At) => ({
    y: x.map((tokens) => {
      const full = [...tokens, ...new Array<number[]>(d.L - tokens.length).fill(tokens[0]!.map(() => 0))];
      const mixed = transposed(full).map((row) => times(times(row, p.up, p.upBias).map(gelu), p.down, p.downBias));
      return transposed(mixed).slice(0, tokens.length);
    }),
  }),
});

test("[mlp-mixer] a sequence longer than its weights is rejected", () => {
  const c = tokenMlp.config.parse({ maxTokens: 4 });
  const at = { c, d: tokenMlp.dims(c, 2), p: {} as never, s: {}, b: {}, io: plainIo("eval") };
  expect(() => tokenMlp.forward(zeros([1, 5, 2]), at)).toThrow(
    "token-mlp: expected at most maxTokens = 4 tokens, got 5. Raise maxTokens, or cut the sequence. [E_LENGTH]",
  );
});
