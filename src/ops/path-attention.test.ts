import { expect, test } from "vitest";
import { type NdArray, randomNormal, randomUniform, run } from "../testing/index.ts";
import { pathScores } from "./path-attention.ts";

const [B, H, G, T, K] = [2, 4, 2, 5, 3];
const inputs = {
  q: randomNormal("q", [B, H, T, K]),
  k: randomNormal("k", [B, G, T, K]),
  w: randomNormal("w", [B, G, T, K]),
  beta: randomUniform("beta", [B, G, T], [0, 2]),
};

const row = ({ data }: NdArray, index: number) => [...data.slice(index * K, (index + 1) * K)];
const dot = (a: number[], b: number[]) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);

test("a key is reflected by every token behind it up to the query, one after another", () => {
  const { scores } = run({
    inputs,
    build: ({ q, k, w, beta }) => ({ scores: pathScores({ q_BHTK: q!, k_BGTK: k!, w_BGTK: w!, beta_BGT: beta! }) }),
  });
  for (let bh = 0; bh < B * H; bh++) {
    const first = (Math.floor(bh / H) * G + Math.floor((bh % H) / (H / G))) * T;
    for (let s = 0; s < T; s++) {
      let key = row(inputs.k, first + s);
      for (let t = s; t < T; t++) {
        const [w, beta] = [row(inputs.w, first + t), inputs.beta.data[first + t]!];
        if (t > s) key = key.map((v, i) => v - beta * w[i]! * dot(w, key));
        expect(scores!.data[(bh * T + t) * T + s]).toBeCloseTo(dot(row(inputs.q, bh * T + t), key), 9);
      }
    }
  }
});

test("without strength it is q·k", () => {
  const { scores, plain } = run({
    inputs,
    build: ({ q, k, w, beta }) => ({
      scores: pathScores({ q_BHTK: q!, k_BGTK: k!, w_BGTK: w!, beta_BGT: beta!.mul(0) }),
      plain: q!.reshape([B, G, -1, K]).matmul(k!, { transB: true }).reshape([B, H, T, T]),
    }),
  });
  expect(scores!).toBeAllclose(plain!);
});
