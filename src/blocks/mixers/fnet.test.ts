import { expect, test } from "vitest";
import { fft } from "../../ops/index.ts";
import { type Loose, mixerSuite, plainIo, randomNormal, run } from "../../testing/index.ts";
import { fnet } from "./fnet.ts";

const naive = ({ x, c }: { x: number[][][]; c: { scale: "none" | "ortho" }; p: Record<string, Loose> }) => ({
  y: x.map((tokens) => {
    const [T, D] = [tokens.length, tokens[0]!.length];
    const divisor = c.scale === "ortho" ? Math.sqrt(T * D) : 1;
    return tokens.map((row, f) =>
      row.map((_, g) => {
        const terms = tokens.flatMap((token, t) =>
          token.map((value, d) => value * Math.cos(2 * Math.PI * ((f * t) / T + (g * d) / D))),
        );
        return terms.reduce((sum, term) => sum + term, 0) / divisor;
      }),
    );
  }),
});

mixerSuite(fnet, { configs: [{}, { scale: "ortho" }], width: 6, naive });

test("[fourier-mixer] it is the real part of the transform over both axes, whose energy is that of the input (Parseval)", () => {
  const x = randomNormal("x", [1, 7, 4]);
  const { y, re, im } = run({
    inputs: { x },
    build: (at) => {
      const both = fft(fft({ re: at.x!, im: at.x!.mul(0) }, { axis: 2, norm: "ortho" }), { axis: 1, norm: "ortho" });
      const c = fnet.config.parse({ scale: "ortho" });
      return { y: fnet.forward(at.x!, { c, d: { D: 4 }, p: {}, s: {}, b: {}, io: plainIo("eval") }).y, ...both };
    },
  });
  const energy = (...parts: ArrayLike<number>[]) =>
    parts.reduce((sum, part) => Array.from(part).reduce((total, value) => total + value * value, sum), 0);
  expect(y).toBeAllclose(re!, { tolerance: 1e-12 });
  expect(energy(re!.data, im!.data)).toBeCloseTo(energy(x.data), 10);
});
