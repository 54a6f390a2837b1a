import { expect, test } from "vitest";
import { type Arrays, randomNormal, randomUniform, run } from "../testing/index.ts";
import { mesa } from "./mesa.ts";
import { mesaExact } from "./mesa-exact.ts";

test("conjugate gradients of as many iterations as keys have features solve what elimination solves", () => {
  const [H, K, V, B, T] = [2, 3, 4, 2, 5];
  const inputs: Arrays = {
    q_HKBT: randomNormal("q", [H, K, B, T]),
    k_HKBT: randomNormal("k", [H, K, B, T]),
    v_HVBT: randomNormal("v", [H, V, B, T]),
    beta_HBT: randomUniform("beta", [H, B, T], [0.1, 1]),
    logDecay_HBT: randomUniform("decay", [H, B, T], [-1, 0]),
    ridge_HK: randomUniform("ridge", [H, K], [0.5, 2]),
    G_BHVK: randomNormal("G", [B, H, V, K]),
    root: randomNormal("root", [B, H, K, K]),
  };
  const { exact, iterated, state, stateExact } = run({
    inputs,
    build: ({ root, ...given }) => {
      const input = { ...(given as unknown as Parameters<typeof mesaExact>[0]) };
      const started = { ...input, H_BHKK: root!.matmul(root!, { transB: true }) };
      const [a, b] = [mesaExact(started), mesa({ ...started, iterations: K + 1 })];
      return { exact: a.o_HVBT, iterated: b.o_HVBT, stateExact: a.H_BHKK, state: b.H_BHKK };
    },
  });
  expect(iterated!).toBeAllclose(exact!, { tolerance: 1e-9 });
  expect(state!).toBeAllclose(stateExact!, { tolerance: 1e-12 });
});
