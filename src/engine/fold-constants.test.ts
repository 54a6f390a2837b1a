import fc from "fast-check";
import { expect, test } from "vitest";
import { constant, input, iota, scan, type Tensor, topological, where } from "../tensor/index.ts";
import { nativeEngine } from "../testing/index.ts";
import { foldConstants } from "./fold-constants.ts";
import { runReference } from "./reference.ts";

const opsOf = (outputs: readonly Tensor[]) => topological(outputs).map(({ op }) => op);
const bitsOf = (values: ArrayLike<number>) => [...new Uint32Array(Float32Array.from(values).buffer)];

test("what only constants reach becomes one constant, what is fed stays", () => {
  const x = input("x", [4]);
  const mask = iota(4).add(1).mul(2).greater(4).reshape([2, 2]).transpose([1, 0]).reshape([4]);
  const y = where(mask, x, 0.5).add(constant([1, 2, 3, 4], [4]).slice(0, 1, 2));
  const [folded] = foldConstants([y]);
  expect(opsOf([folded!]).sort()).toEqual(["add", "constant", "constant", "constant", "input", "where"]);
  const feeds = { x: [1, 2, 3, 4] };
  expect(runReference([folded!], feeds)).toEqual(runReference([y], feeds));
});

test("also inside scans", () => {
  const { states } = scan({
    init: [input("s", [])],
    xs: [input("x", [3])],
    step: ([s], [x]) => ({ states: [s!.mul(constant([2], []).add(1)).add(x!)], ys: [] }),
  });
  const [folded] = foldConstants(states);
  expect(folded!.node.inputs.map(({ node }) => node.op)).toEqual(["input", "input", "constant"]);
  const feeds = { s: [1], x: [1, 2, 3] };
  expect([...runReference([folded!], feeds)[0]!]).toEqual([...runReference(states, feeds)[0]!]);
});

test("but no op that engines round each in its own way, and no long results", () => {
  const [e, root] = [constant([1], [1]).exp(), constant([2], [1]).sqrt()];
  expect(opsOf(foldConstants([e, root]))).toEqual(opsOf([e, root]));
  const long = iota(300).add(1);
  expect(opsOf(foldConstants([long]))).toEqual(opsOf([long]));
});

test("folded numbers are those that the native engine computes, bit for bit", async () => {
  const number = fc.double({ noNaN: true, min: -1e6, max: 1e6 });
  const list = fc.array(number, { minLength: 5, maxLength: 5 });
  const build = (a: Tensor, b: Tensor) => a.mul(b).add(a).div(b.sub(0.1).abs().add(1e-3)).sub(a.neg());
  const [a, b] = [input("a", [5]), input("b", [5])];
  const program = await nativeEngine().compile({ outputs: { y: build(a, b) } });
  await fc.assert(
    fc.asyncProperty(list, list, async (left, right) => {
      const [folded] = foldConstants([build(constant(left, [5]), constant(right, [5]))]);
      expect(folded!.node.op).toBe("constant");
      const { y } = await program.run({ a: Float32Array.from(left), b: Float32Array.from(right) });
      expect(bitsOf(runReference([folded!], {})[0]!)).toEqual(bitsOf(y!));
    }),
    { seed: 20261123 },
  );
  await program.dispose();
});
