/** Patterns that every native engine rewrites: fewer nodes, the same bits. */
import { describe, expect, test } from "vitest";
import { grad } from "../grad/index.ts";
import { concat, input, type Tensor, topological } from "../tensor/index.ts";
import { broadcastLazily, joinPads, optimise } from "./passes.ts";
import { runReference } from "./reference.ts";

const count = (outputs: readonly Tensor[], op: string) => topological(outputs).filter((node) => node.op === op).length;
const bitsOf = (outputs: readonly Tensor[], feeds: Readonly<Record<string, readonly number[]>>) =>
  runReference(outputs, feeds).map((values) => [...values]);
const waves = (length: number) => Array.from({ length }, (_, i) => Math.sin(i * 1.7 + 0.3));

describe("sums of padded parts", () => {
  const x = input("x", [3, 8]);
  const slopeOf = (y: Tensor) => grad(y.sum(), [x])[0]!;

  test("the gradient of a split becomes a concatenation", () => {
    const [a, b, c] = x.split(1, [2, 5, 1]) as [Tensor, Tensor, Tensor];
    const slope = slopeOf(concat(1, [a.exp(), c.square(), b.tanh()]));
    const [joined] = joinPads([slope]);
    expect([count([slope], "pad"), count([slope], "add") - count([joined!], "add")]).toEqual([3, 2]);
    expect([count([joined!], "pad"), count([joined!], "concat")]).toEqual([0, 1]);
    const feeds = { x: waves(24) };
    expect(bitsOf([joined!], feeds)).toEqual(bitsOf([slope], feeds));
  });

  test("parts that leave out the ends keep one pad; parts that overlap, or lie apart, are left alone", () => {
    const inner = slopeOf(concat(1, [x.slice(1, 1, 4).exp(), x.slice(1, 4, 7).tanh()]));
    const overlapping = slopeOf(concat(1, [x.slice(1, 0, 5).exp(), x.slice(1, 3, 8).tanh()]));
    const apart = slopeOf(concat(1, [x.slice(1, 0, 2).exp(), x.slice(1, 5, 8).tanh()]));
    const feeds = { x: waves(24) };
    for (const [slope, pads] of [
      [inner, 1],
      [overlapping, 2],
      [apart, 2],
    ] as const) {
      // biome-ignore format: a table
      const [joined] = joinPads([slope]);
      expect(count([joined!], "pad")).toBe(pads);
      expect(bitsOf([joined!], feeds)).toEqual(bitsOf([slope], feeds));
    }
  });
});

describe("operands that were expanded", () => {
  const [x, row] = [input("x", [4, 3]), input("row", [3])];
  const feeds = { x: waves(12), row: waves(3) };

  test("broadcast by themselves", () => {
    const y = x.mul(row.expand([4, 3])).add(row.sum().expand([4, 3]));
    const [lazy] = broadcastLazily([y]);
    expect([count([y], "expand"), count([lazy!], "expand")]).toEqual([2, 0]);
    expect(bitsOf([lazy!], feeds)).toEqual(bitsOf([y], feeds));
  });

  test("but where the expansion itself makes the shape", () => {
    const y = row.expand([4, 3]).add(row.square().expand([4, 3]));
    const [lazy] = broadcastLazily([y]);
    expect(count([lazy!], "expand")).toBe(1);
    expect(lazy!.shape).toEqual([4, 3]);
    expect(bitsOf([lazy!], feeds)).toEqual(bitsOf([y], feeds));
  });
});

test("all passes together leave values and gradients as they were, of fewer nodes", () => {
  const [x, w] = [input("x", [4, 6]), input("w", [6, 6])];
  const [a, b] = x.matmul(w).split(1, [4, 2]) as [Tensor, Tensor];
  const loss = concat(1, [a.tanh(), b.sigmoid()])
    .mul(x.sum(0).expand([4, 6]))
    .matmul(w, { transB: true })
    .square()
    .sum();
  const outputs = [loss, ...(grad(loss, [x, w]) as Tensor[])];
  const optimised = optimise(outputs, () => false);
  expect(topological(optimised).length).toBeLessThan(topological(outputs).length);
  const feeds = { x: waves(24), w: waves(36) };
  const [before, after] = [bitsOf(outputs, feeds).flat(), bitsOf(optimised, feeds).flat()];
  for (const [i, value] of before.entries()) expect(after[i]).toBeCloseTo(value, 10);
});
