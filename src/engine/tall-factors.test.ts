import { expect, test } from "vitest";
import { grad } from "../grad/index.ts";
import { input, scan, type Tensor, topological } from "../tensor/index.ts";
import { runReference } from "./reference.ts";
import { tallFactors } from "./tall-factors.ts";

const [x, wide, tall] = [input("x", [3, 2, 4]), input("wide", [2, 4]), input("tall", [4, 2])];
const feeds = {
  x: Array.from({ length: 24 }, (_, i) => Math.sin(i)),
  wide: Array.from({ length: 8 }, (_, i) => Math.cos(i)),
  tall: Array.from({ length: 8 }, (_, i) => Math.cos(3 * i)),
};

/** Shapes of the second factors of products inside scans. */
const factorsInScans = (outputs: readonly Tensor[]) =>
  topological(outputs).flatMap((node) =>
    node.op === "scan"
      ? topological([...node.attrs.body.nextStates, ...node.attrs.body.ys])
          .filter((inner) => inner.op === "matmul")
          .map((inner) => inner.inputs[1]!.shape)
      : [],
  );

test("wide factors inside scans are read transposed, in both directions; nothing else changes", () => {
  const { ys, states } = scan({
    init: [x.at(0, 0).matmul(tall)],
    xs: [x],
    step: ([h], [xt]) => {
      const y = h!.matmul(wide).add(xt!).tanh();
      return { states: [y.matmul(tall)], ys: [y] };
    },
  });
  const loss = ys[0]!.square().sum().add(states[0]!.sum());
  const outputs = [loss, ...grad(loss, [x, wide, tall]).map((g) => g!)];
  const after = tallFactors(outputs);
  expect(factorsInScans(outputs)).toContainEqual([2, 4]);
  expect(new Set(factorsInScans(after).map(String))).toEqual(new Set(["4,2"]));
  expect(runReference(after, feeds).map((values) => [...values])).toEqual(
    runReference(outputs, feeds).map((values) => [...values]),
  );
});

test("a graph without such products stays as it is", () => {
  const { ys } = scan({ init: [x.at(0, 0)], xs: [x], step: ([h], [xt]) => ({ states: [h!.add(xt!)], ys: [h!] }) });
  expect(tallFactors([ys[0]!])).toEqual([ys[0]!]);
});
