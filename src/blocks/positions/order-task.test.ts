/** Positions put to work: a tiny encoder learns which of two tokens comes first, or cannot. */
import { describe, expect, test } from "vitest";
import { compileReference } from "../../engine/reference.ts";
import { grad } from "../../grad/index.ts";
import { constant, input, type Tensor } from "../../tensor/index.ts";
import { drawParameters } from "../../testing/index.ts";
import { contextOf, plainIo, testedPart } from "../../testing/part.ts";
import type { Mixer, Position } from "../define.ts";
import { attention } from "../mixers/attention.ts";
import { matrix, type ParameterDeclaration, table } from "../weights/declare.ts";
import { learned } from "./learned.ts";
import { none } from "./none.ts";
import { sinusoidal } from "./sinusoidal.ts";

const [width, tokens] = [8, 4];
const sequences = permutations([0, 1, 2, 3]);
const labels = sequences.map((sequence) => (sequence.indexOf(0) < sequence.indexOf(1) ? 1 : -1));

function permutations(items: readonly number[]): number[][] {
  return items.length === 0
    ? [[]]
    : items.flatMap((item) => permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]));
}

const mixer = attention as unknown as Mixer;
const attentionPart = testedPart(mixer, { heads: 2, causal: false }, (c) => mixer.dims(c, width));

/** Parameters by path, and the logits [24] of "0 comes before 1" for every order of four tokens. */
function encoder(scheme: Position, options: Record<string, unknown> = {}) {
  const part = testedPart(scheme, options, (c) => scheme.dims(c, width));
  const declarations: Record<string, ParameterDeclaration> = {
    tokens: table(tokens, width, { kind: "normal", std: 1 }),
    ...Object.fromEntries(Object.entries(attentionPart.declarations).map(([name, p]) => [`p.${name}`, p])),
    ...Object.fromEntries(Object.entries(part.declarations).map(([name, p]) => [`positions.p.${name}`, p])),
    readout: matrix(width, 1),
  };
  const leaves = Object.fromEntries(
    Object.entries(declarations).map(([name, { shape }]) => [name, input(name, shape)]),
  );
  const below = Object.fromEntries(
    Object.entries(leaves).map(([name, leaf]) => [name.replace("positions.", ""), leaf]),
  );
  const io = plainIo("eval");
  const embedded = leaves.tokens!.gather(0, constant(sequences.flat(), [sequences.length, tokens], "i32"));
  const positions = constant([0, 1, 2, 3], [1, tokens], "i32");
  const x = scheme.embed?.(embedded, positions, { ...contextOf(part, below), io }) ?? embedded;
  const { y } = mixer.forward(x, { ...contextOf(attentionPart, leaves), s: {}, io });
  return { declarations, leaves, logits: x.add(y).mean(1).matmul(leaves.readout!).reshape([-1]) };
}

/** Mean loss in nats before and after 300 steps of Adam over all 24 sequences. */
function train(scheme: Position, options?: Record<string, unknown>): { first: number; last: number; correct: number } {
  const { declarations, leaves, logits } = encoder(scheme, options);
  const margins = logits.mul(constant(labels, [labels.length]));
  const loss = margins.neg().softplus().mean();
  const names = Object.keys(leaves);
  const gradients = grad(loss, Object.values(leaves)).map((g, i) => g ?? leaves[names[i]!]!.mul(0));
  const program = compileReference([loss, margins, ...gradients] as Tensor[]);
  const start = drawParameters(declarations);
  const at = Object.fromEntries(names.map((name) => [name, start[name]!.data.slice()]));
  const moments = names.map((name) => ({
    m: new Float64Array(at[name]!.length),
    v: new Float64Array(at[name]!.length),
  }));
  const steps = 300;
  let first = 0;
  for (let step = 1; step <= steps; step++) {
    const [value, , ...slopes] = program.run(at);
    if (step === 1) first = value![0]!;
    names.forEach((name, i) => void adam(at[name]!, slopes[i]!, { ...moments[i]!, step }));
  }
  const [last, ends] = program.run(at);
  return { first, last: last![0]!, correct: ends!.filter((margin) => margin > 0).length };
}

function adam(
  p: Float64Array,
  g: Float64Array,
  { m, v, step }: { m: Float64Array; v: Float64Array; step: number },
): void {
  for (let i = 0; i < p.length; i++) {
    m[i] = 0.9 * m[i]! + 0.1 * g[i]!;
    v[i] = 0.99 * v[i]! + 0.01 * g[i]! ** 2;
    p[i] = p[i]! - (0.03 * (m[i]! / (1 - 0.9 ** step))) / (Math.sqrt(v[i]! / (1 - 0.99 ** step)) + 1e-8);
  }
}

const scheme = (position: unknown) => position as Position;

describe("which of two tokens comes first", () => {
  test("[pe-none] an encoder without positions stays at chance; with positions it solves the task", () => {
    const without = train(scheme(none));
    expect(without.last).toBeGreaterThanOrEqual(Math.LN2 - 1e-9);
    expect(without.last).toBeLessThan(without.first + 1e-9);
    const withPositions = train(scheme(sinusoidal));
    expect(withPositions.last).toBeLessThan(0.1);
    expect(withPositions.correct).toBe(24);
  });

  test("[pe-learned] n·D parameters, none beyond n, and the task is learned as with sinusoids", () => {
    const { declarations } = encoder(scheme(learned), { max: 5 });
    expect(declarations["positions.p.table"]!.shape).toEqual([5, width]);
    expect(() => encoder(scheme(learned), { max: 3 })).toThrow("expected at most 3 tokens");
    const [rows, waves] = [train(scheme(learned), { max: 4 }), train(scheme(sinusoidal))];
    expect(rows.correct).toBe(24);
    expect(Math.abs(rows.last - waves.last)).toBeLessThan(0.1);
  });
});
