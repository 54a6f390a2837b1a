import { expect, test } from "vitest";
import { grad } from "../grad/index.ts";
import { constant, input, rmsNorm, scan, silu, type Tensor, topological } from "../tensor/index.ts";
import { mergeScans, optimise, shareCommon } from "./passes.ts";
import { runReference } from "./reference.ts";

const count = (outputs: readonly Tensor[], op: string) => topological(outputs).filter((node) => node.op === op).length;

test("equal nodes are shared, different attributes are not", () => {
  const x = input("x", [2, 3]);
  const y = x.exp().add(x.exp()).add(x.sum(0)).add(x.sum(1, true)).add(x.mul(2)).add(x.mul(2));
  const [shared] = shareCommon([y]);
  expect([count([shared!], "exp"), count([shared!], "reduceSum"), count([shared!], "mul")]).toEqual([1, 2, 1]);
  const feeds = { x: [1, 2, 3, 4, 5, 6] };
  expect([...runReference([shared!], feeds)[0]!]).toEqual([...runReference([y], feeds)[0]!]);
});

test("0 and −0 stay apart", () => {
  const x = input("x", [1]);
  const [a, b] = shareCommon([x.div(constant([0], [1])), x.div(constant([-0], [1]))]);
  expect(runReference([a!, b!], { x: [1] }).map(([value]) => value)).toEqual([
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ]);
});

test("the forward scan and the one its gradient reads become one", () => {
  const [x, w] = [input("x", [3, 2, 4]), input("w", [4, 4])];
  const { ys } = scan({
    init: [x.at(0, 0)],
    xs: [x],
    step: ([h], [xt]) => ({ states: [h!.matmul(w).add(xt!).tanh()], ys: [h!.mul(2)] }),
  });
  const loss = ys[0]!.square().sum();
  const outputs = [loss, ...grad(loss, [x, w]).map((g) => g!)];
  expect(count(outputs, "scan")).toBe(3);
  const merged = mergeScans(outputs);
  expect(count(merged, "scan")).toBe(2);
  const feeds = {
    x: Array.from({ length: 24 }, (_, i) => Math.sin(i)),
    w: Array.from({ length: 16 }, (_, i) => Math.cos(i)),
  };
  const [before, after] = [runReference(outputs, feeds), runReference(merged, feeds)];
  expect(after.map((values) => [...values])).toEqual(before.map((values) => [...values]));
});

test("only fused ops that the engine lacks are expanded", () => {
  const y = rmsNorm(silu(input("x", [2, 4])), input("gain", [4]));
  const kept = optimise([y], (node) => node.op === "silu");
  expect([count(kept, "silu"), count(kept, "rmsNorm")]).toEqual([1, 0]);
});
