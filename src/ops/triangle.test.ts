import { expect, test } from "vitest";
import { randomNormal, run } from "../testing/index.ts";
import { type TriangleEdges, triangleProduct } from "./triangle.ts";

const [B, N, C] = [2, 3, 2];
const inputs = { a: randomNormal("a", [B, N, N, C]), b: randomNormal("b", [B, N, N, C]) };
const at = (name: "a" | "b", [batch, i, j, c]: readonly [number, number, number, number]) =>
  inputs[name].data[((batch * N + i) * N + j) * C + c]!;

test.each(["outgoing", "incoming"] as const)(
  "a triangle update by %s edges is the triple loop",
  (edges: TriangleEdges) => {
    const { y } = run({ inputs, build: ({ a, b }) => ({ y: triangleProduct(a!, b!, edges) }) });
    for (let n = 0; n < B * N * N * C; n++) {
      const [c, j, i, batch] = [n % C, Math.floor(n / C) % N, Math.floor(n / C / N) % N, Math.floor(n / C / N / N)];
      let sum = 0;
      for (let k = 0; k < N; k++)
        sum +=
          edges === "outgoing"
            ? at("a", [batch, i, k, c]) * at("b", [batch, j, k, c])
            : at("a", [batch, k, i, c]) * at("b", [batch, k, j, c]);
      expect(y!.data[n]).toBeCloseTo(sum, 12);
    }
  },
);
