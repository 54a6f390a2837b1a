/** What components say of the patterns that they are made of, and the list of them that people read. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { componentsOf, type Pattern, patternNames } from "./index.ts";

const kindsOf = (pattern: Pattern): string[] => componentsOf(pattern).map(({ kind }) => kind);

/** What a pattern's own row of the generated table lists. */
function listed(pattern: Pattern): string[] {
  const text = readFileSync(new URL("../../docs/generated/zoo.md", import.meta.url), "utf8");
  const row = text.split("\n").find((line) => line.startsWith(`| ${pattern} |`))!;
  return [...row.split("|")[3]!.matchAll(/`([^`]+)`/g)].map(([, kind]) => kind!);
}

test("[higher-order-layers] the list of layers that multiply functions of their input names mLSTM, gated units, Hyena and its like", () => {
  const kinds = kindsOf("higher-order");
  for (const kind of ["mlstm", "swiglu", "conv-glu", "hyena", "h3", "gateloop", "attention"])
    expect(kinds).toContain(kind);
  for (const kind of ["mlp", "lru", "mega-ema", "token-mlp", "pooling", "dilated-conv"])
    expect(kinds).not.toContain(kind);
  expect(listed("higher-order")).toEqual(kinds);
});

test("[multi-x] the list of layers with several of a kind names heads, experts, scales and streams", () => {
  const kinds = kindsOf("multi-x");
  for (const kind of ["attention", "moe", "mega-ema", "hyper-connections", "multi"]) expect(kinds).toContain(kind);
  for (const kind of ["mlp", "lstm", "lru"]) expect(kinds).not.toContain(kind);
  expect(listed("multi-x")).toEqual(kinds);
});

test("[data-gating] the list of layers that the data open and close names gated recurrences, gated units and residuals", () => {
  const kinds = kindsOf("data-gating");
  for (const kind of ["lstm", "gru", "mamba", "gla", "swiglu", "highway", "gate"]) expect(kinds).toContain(kind);
  for (const kind of ["mlp", "rnn", "lru", "s4d", "linear-attention"]) expect(kinds).not.toContain(kind);
  expect(listed("data-gating")).toEqual(kinds);
});

test("[moving-average] the list of layers that average over time names exponential and windowed means", () => {
  const kinds = kindsOf("moving-average");
  for (const kind of ["mega-ema", "pooling", "retention", "gru"]) expect(kinds).toContain(kind);
  for (const kind of ["mlp", "attention", "rnn", "deltanet"]) expect(kinds).not.toContain(kind);
  expect(listed("moving-average")).toEqual(kinds);
});

describe.each(patternNames)("%s", (pattern) => {
  test("belongs to some components and not to all", () => {
    expect(kindsOf(pattern).length).toBeGreaterThan(5);
    expect(kindsOf(pattern).length).toBeLessThan(80);
  });
});
