import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { expect, test } from "vitest";
import { grad } from "../../grad/index.ts";
import { decayScan } from "../../ops/index.ts";
import { constant, input, type Tensor } from "../../tensor/index.ts";
import { emitOnnx } from "./emit.ts";

test("leaves come last, the gradients of later layers after those of earlier ones, and none that could be fused", () => {
  const [x, first, second] = [input("x", [8, 4]), input("first", [4, 4]), input("second", [4, 4])];
  const loss = x.matmul(first).tanh().matmul(second).matmul(first, { transB: true }).square().sum();
  const [dFirst, dSecond] = grad(loss, [first, second]);
  const { bytes, outputs } = emitOnnx({ outputs: { loss, dFirst: dFirst!, dSecond: dSecond! } });
  const nodes = fromBinary(ModelProtoSchema, bytes).graph!.node;
  const read = new Set(nodes.flatMap((node) => node.input));
  const leaves = nodes.filter((node) => node.output.every((name) => !read.has(name)));
  expect(nodes.slice(-leaves.length)).toEqual(leaves);
  const names = ["dFirst", "dSecond", "loss"].map((name) => outputs.get(name)!.name);
  expect(leaves.map((node) => node.output[0])).toEqual(names);
  // The two parts of the shared matrix's gradient: an Add to a product would become a Gemm behind all leaves.
  expect(leaves[0]!.opType).toBe("Sum");
});

test("what no output reaches, and what is constant, is not computed", () => {
  const x = input("x", [2, 3]);
  x.exp()
    .matmul(input("w", [3, 3]))
    .sum();
  const scale = constant([2, 3], [2]).add(1).reshape([2, 1]);
  const { bytes, inputs } = emitOnnx({ outputs: { y: x.mul(scale) } });
  expect(fromBinary(ModelProtoSchema, bytes).graph!.node.map(({ opType }) => opType)).toEqual(["Mul"]);
  expect([...inputs.keys()]).toEqual(["x"]);
});

test("linear attention is one node where nothing is differentiated, and its parallel form where something is", () => {
  const shapes = { q: [1, 4, 2, 9], k: [1, 4, 2, 9], v: [2, 3, 2, 9], g: [2, 2, 9] };
  const [q, k, v, g] = Object.entries(shapes).map(([name, shape]) => input(name, shape)) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const { o_HVBT: o } = decayScan({ q_GKBT: q, k_GKBT: k, v_HVBT: v, logDecay_HBT: g, chunk: 3 });
  const ops = (outputs: Record<string, Tensor>, target?: "webgpu") =>
    fromBinary(ModelProtoSchema, emitOnnx({ outputs }, target).bytes).graph!.node.map(({ opType }) => opType);
  expect(ops({ o }).filter((op) => op.endsWith("MatMul") || op === "LinearAttention")).toEqual(["LinearAttention"]);
  expect(ops({ o }, "webgpu")).not.toContain("LinearAttention");
  const trained = ops({ o, dq: grad(o.sum(), [q])[0]! });
  expect(trained).not.toContain("LinearAttention");
  // What the gradient reads of the forward pass is computed once.
  expect(trained.filter((op) => op === "Exp")).toHaveLength(ops({ o }, "webgpu").filter((op) => op === "Exp").length);
});

test("products read transposed factors where they lie, in one node", () => {
  const [x, w] = [input("x", [5, 3]), input("w", [4, 3])];
  const y = x.matmul(w, { transB: true });
  const [dx, dw] = grad(y.square().sum(), [x, w]);
  const { bytes } = emitOnnx({ outputs: { y, dx: dx!, dw: dw! } });
  const ops = fromBinary(ModelProtoSchema, bytes).graph!.node.map(({ opType }) => opType);
  expect(ops.filter((op) => op === "Transpose")).toEqual([]);
  expect(ops.filter((op) => op === "MatMul" || op === "FusedMatMul")).toHaveLength(3);
});
