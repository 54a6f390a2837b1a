import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countFlops } from "../engine/index.ts";
import { grad } from "../grad/index.ts";
import { constant, input, type Tensor, topological } from "../tensor/index.ts";
import { evaluate, randomNormal, run } from "../testing/index.ts";
import { type Complex, fft, irfft, longConv, rfft } from "./index.ts";

/** Around every change of the form: one matrix, two and three steps, primes as products and as convolutions. */
const lengths = [1, 2, 3, 255, 256, 257, 258, 300, 512, 529, 1009, 1021, 1024, 1031, 2062] as const;
const anyLength = fc.oneof(fc.constantFrom(...lengths), fc.integer({ min: 1, max: 1500 }));

/** Σ_t (re + i·im)[t]·e^(sign·2πi·f·t/n), its parts. */
function naive(x: { re: ArrayLike<number>; im?: ArrayLike<number> }, f: number, sign: -1 | 1): [number, number] {
  const n = x.re.length;
  let [re, im] = [0, 0];
  for (let t = 0; t < n; t++) {
    const angle = (sign * 2 * Math.PI * ((f * t) % n)) / n;
    const [a, b] = [x.re[t]!, x.im?.[t] ?? 0];
    re += a * Math.cos(angle) - b * Math.sin(angle);
    im += a * Math.sin(angle) + b * Math.cos(angle);
  }
  return [re, im];
}

/** Some frequencies of n, the first, the middle and the last among them. */
const someOf = (n: number) => [0, 1 % n, Math.floor(n / 3), Math.floor(n / 2), n - 1];

const complexOf = (n: number) => ({ re: randomNormal("re", [1, n]), im: randomNormal("im", [1, n]) });

describe("Fourier transforms of any length", () => {
  const agrees = (n: number) => {
    const inputs = complexOf(n);
    const { whole, wholeIm, back, half, halfIm } = run({
      inputs,
      build: ({ re, im }) => {
        const x = { re: re!, im: im! };
        const [forward, inverse, real] = [fft(x), fft(x, { inverse: true, norm: "forward" }), rfft(re!)];
        return { whole: forward.re, wholeIm: forward.im, back: inverse.re, half: real.re, halfIm: real.im };
      },
    });
    const digits = 9;
    for (const f of someOf(n)) {
      const [re, im] = naive({ re: inputs.re.data, im: inputs.im.data }, f, -1);
      expect(whole!.data[f]).toBeCloseTo(re, digits);
      expect(wholeIm!.data[f]).toBeCloseTo(im, digits);
      expect(back!.data[f]).toBeCloseTo(naive({ re: inputs.re.data, im: inputs.im.data }, f, 1)[0], digits);
      if (f > n / 2) continue;
      const [a, b] = naive({ re: inputs.re.data }, f, -1);
      expect(half!.data[f]).toBeCloseTo(a, digits);
      expect(halfIm!.data[f]).toBeCloseTo(b, digits);
    }
    expect(half!.shape).toEqual([1, Math.floor(n / 2) + 1]);
  };

  test.each(lengths.map((n) => [n]))("%i points equal the sum of their definition", agrees);
  test("and so do random ones", () => fc.assert(fc.property(anyLength, agrees), { numRuns: 10 }));

  test("131,072 points, which take three steps", () => {
    const x = randomNormal("x", [1, 2 ** 17]);
    const { re, im } = run({ inputs: { x }, build: (at) => ({ ...rfft(at.x!) }) });
    for (const f of [1, 300, 2 ** 16 - 1]) {
      const expected = naive({ re: x.data }, f, -1);
      for (const [i, part] of [re!, im!].entries()) expect(part.data[f]).toBeCloseTo(expected[i]!, 7);
    }
  });

  test("inverses give the signal back, along any axis", () => {
    const check = (n: number) => {
      const { x, y, z } = run({
        inputs: { re: randomNormal("re", [n, 2]), im: randomNormal("im", [n, 2]) },
        build: ({ re, im }) => {
          const twice = fft(fft({ re: re!, im: im! }, { axis: 0 }), { axis: 0, inverse: true });
          const y = irfft(rfft(re!, { axis: 0, norm: "ortho" }), { axis: 0, n, norm: "ortho" }).sub(re!);
          return { x: twice.re.sub(re!), z: twice.im.sub(im!), y };
        },
      });
      for (const { data } of [x!, y!, z!]) for (const v of data) expect(Math.abs(v)).toBeLessThan(1e-11);
    };
    fc.assert(fc.property(anyLength, check), { numRuns: 10 });
  });
});

describe("gradients of transforms in steps", () => {
  test.each([[300], [1031]])("of %i points are the adjoint transforms", (n) => {
    const inputs = complexOf(n);
    const cotangents = [randomNormal("c", [1, n]), randomNormal("d", [1, n])];
    const { outputs, gradients } = evaluate({
      inputs,
      build: ({ re, im }) => {
        const weight = (t: Tensor, i: number) => t.mul(constant(cotangents[i]!.data, [1, n])).sum();
        const y = fft({ re: re!, im: im! });
        return { loss: weight(y.re, 0).add(weight(y.im, 1)) };
      },
    });
    const [c, d] = cotangents.map(({ data }) => data);
    // Re ⟨c + i·d, F x⟩ has the gradient F̄ᵀ(c + i·d); `evaluate` weights the loss with a number of its own.
    const scale = evaluate({ inputs: { one: inputs.re }, build: ({ one }) => ({ loss: one!.sum() }) }).gradients;
    const factor = scale["one"]!.data[0]!;
    for (const t of someOf(n)) {
      const [re, im] = naive({ re: c!, im: d! }, t, 1);
      expect(gradients["re"]!.data[t]! / factor).toBeCloseTo(re, 9);
      expect(gradients["im"]!.data[t]! / factor).toBeCloseTo(im, 9);
    }
    expect(outputs["loss"]!.data).toHaveLength(1);
  });

  test("imaginary parts that a real signal cannot have get none", () => {
    const n = 300;
    const { gradients } = evaluate({
      inputs: { re: randomNormal("re", [151]), im: randomNormal("im", [151]) },
      build: ({ re, im }) => ({ y: irfft({ re: re!.unsqueeze(0), im: im!.unsqueeze(0) }, { n }) }),
    });
    expect([gradients["im"]!.data[0], gradients["im"]!.data[n / 2]]).toEqual([0, 0]);
    expect(gradients["im"]!.data[1]).not.toBe(0);
  });
});

const constantsOf = (outputs: readonly Tensor[]): number =>
  topological(outputs).reduce(
    (sum, node) => sum + (node.op === "constant" ? node.outputs.reduce((total, t) => total + t.size, 0) : 0),
    0,
  );
const parts = ({ re, im }: Complex): Tensor[] => [re, im];
const line = (n: number) => input("x", [1, n]);

describe("cost", () => {
  test("grows with n^1.5 while both factors are small, and never with n² beyond", () => {
    const work = (f: (x: Tensor) => readonly Tensor[]) => (n: number) => countFlops(f(line(n))).total;
    const forms = [
      work((x) => parts(rfft(x))),
      work((x) => parts(fft({ re: x, im: x }))),
      work((x) => [irfft(rfft(x), { n: x.dim(1) })]),
      work((x) => [longConv(x.unsqueeze(1), input("k", [1, x.dim(1)]))]),
    ];
    for (const flops of forms)
      for (const n of [1024, 4096, 16_384]) expect(flops(4 * n) / flops(n), `${n}`).toBeLessThan(4 ** 1.5);
    for (const flops of forms) expect(flops(2 ** 18) / flops(2 ** 16)).toBeLessThan(4 ** 1.5);
    // The greatest prime below 2^14: two transforms of twice as many points, and one of the chirp.
    expect(forms[0]!(16_381) / forms[0]!(16_384)).toBeLessThan(30);
  });

  test("constants are a few times as many numbers as there are points", () => {
    const n = 16_384;
    expect(constantsOf(parts(rfft(line(n))))).toBeLessThanOrEqual(6 * n);
    expect(constantsOf(parts(fft({ re: line(n), im: line(n) })))).toBeLessThanOrEqual(6 * n);
    expect(constantsOf([irfft({ re: line(n / 2 + 1), im: line(n / 2 + 1) }, { n })])).toBeLessThanOrEqual(8 * n);
    // A convolution has room for sequence and kernel: transforms of 2n points.
    expect(constantsOf([longConv(line(n).unsqueeze(1), input("k", [1, n]))])).toBeLessThanOrEqual(13 * n);
    expect(constantsOf(parts(rfft(line(4 * n))))).toBeLessThanOrEqual(6 * 4 * n);
    expect(constantsOf(parts(rfft(line(16_381))))).toBeLessThanOrEqual(60 * n);
  });

  test("a convolution over 16,384 tokens and its gradients keep no matrix of tokens by tokens", () => {
    const n = 16_384;
    const [u, k] = [input("u", [1, 1, n]), input("k", [1, n])];
    const loss = longConv(u, k).square().sum();
    const sizes = topological([loss, ...(grad(loss, [u, k]) as Tensor[])]).flatMap(({ outputs }) => outputs);
    expect(Math.max(...sizes.map((t) => t.size))).toBeLessThan(6 * n);
  });
});
