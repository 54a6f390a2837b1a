import { expect, test } from "vitest";
import { buildSpec, canonicalSpec } from "../../spec/index.ts";
import { channelSuite, type NaiveTokensArguments } from "../../testing/index.ts";
import { groupnorm } from "./groupnorm.ts";

type Config = ReturnType<typeof groupnorm.config.parse>;
type Arguments = Pick<NaiveTokensArguments<Config, { G: number; K: number }>, "x" | "c" | "d"> & {
  p: Record<"gain" | "bias", number[]>;
};

const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;

function naive({ x, p, c, d: { K } }: Arguments) {
  const groupOf = (i: number) => Math.floor(i / K);
  const y = x.map((row) =>
    row.map((token) =>
      token.map((v, i) => {
        const seen = c.over === "token" ? [token] : row;
        const values = seen.flatMap((other) => other.filter((_, j) => groupOf(j) === groupOf(i)));
        const centre = mean(values);
        const deviation = Math.sqrt(mean(values.map((w) => (w - centre) ** 2)) + c.epsilon);
        return ((v - centre) / deviation) * p.gain[i]! + p.bias[i]!;
      }),
    ),
  );
  return { y };
}

channelSuite(
  { ...groupnorm, capabilities: groupnorm.capabilities! },
  { configs: [{}, { groups: 2, epsilon: 1e-3 }, { over: "sequence" }], naive },
);

test("groups that do not divide the width are refused with their place", () => {
  const spec = canonicalSpec({
    name: "grouped",
    width: 16,
    layers: [{ mixer: { kind: "gru" }, norm: { kind: "groupnorm", groups: 3 } }],
  });
  expect(() => buildSpec(spec, { tokens: 5 })).toThrow(/layers\[0\]\.mixerNorm.*E_SPEC_DIVIDES/);
});
