/** Composed ops against plain loops and the identities that define them; values and gradients of other packages: `*.goldens.ts`. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runReference } from "../engine/reference.ts";
import { constant, iota, type Tensor } from "../tensor/index.ts";
import { causalMask, scaledDotProduct } from "./attention.ts";
import { crossEntropy } from "./cross-entropy.ts";
import { ctcLoss } from "./ctc.ts";
import { einsum } from "./einsum.ts";
import { fft, irfft, rfft } from "./fourier.ts";
import { fold, roll, tile, unfold } from "./layout.ts";
import { matrixPower, solveLower, solveUpper } from "./linalg.ts";
import { longConv } from "./long-conv.ts";
import { maxPool } from "./pooling.ts";
import { cumulativeMax, cumulativeProduct, logSumExp } from "./reductions.ts";
import { resize } from "./resampling.ts";

const values = (t: Tensor) => [...runReference([t], {})[0]!];
const wavy = (shape: readonly number[], phase = 0) =>
  constant(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 1.3 + phase + 0.2)),
    shape,
  );

function expectClose(actual: Tensor, expected: Tensor | readonly number[]): void {
  const [a, b] = [values(actual), Array.isArray(expected) ? expected : values(expected as Tensor)];
  expect(a.length).toBe(b.length);
  for (let i = 0; i < a.length; i++) expect(a[i]).toBeCloseTo(b[i]!, 10);
}

describe("einsum", () => {
  /** Sums over every assignment of the letters. */
  function naive(equation: string, operands: readonly Tensor[]): number[] {
    const [left, output] = equation.split("->") as [string, string];
    const inputs = left.split(",");
    const sizes = new Map(
      inputs.flatMap((letters, n) => [...letters].map((l, i) => [l, operands[n]!.dim(i)] as const)),
    );
    const position = (letters: string, at: Map<string, number>) =>
      [...letters].reduce((p, l) => p * sizes.get(l)! + at.get(l)!, 0);
    const result = new Array<number>([...output].reduce((p, l) => p * sizes.get(l)!, 1)).fill(0);
    const data = operands.map(values);
    const visit = (letters: readonly string[], at: Map<string, number>): void => {
      const [first, ...rest] = letters;
      if (first === undefined)
        result[position(output, at)]! += inputs.reduce((p, text, n) => p * data[n]![position(text, at)]!, 1);
      else for (let i = 0; i < sizes.get(first)!; i++) visit(rest, new Map(at).set(first, i));
    };
    visit([...sizes.keys()], new Map());
    return result;
  }

  it("sums over every letter that is not in the output", () => {
    const word = fc.string({ unit: fc.constantFrom("a", "b", "c", "d"), minLength: 1, maxLength: 3 });
    const equations = fc.array(word, { minLength: 1, maxLength: 3 }).chain((inputs) => {
      const letters = [...new Set(inputs.join(""))];
      return fc.shuffledSubarray(letters).map((output) => `${inputs.join(",")}->${output.join("")}`);
    });
    fc.assert(
      fc.property(equations, (equation) => {
        const sizes: Record<string, number> = { a: 2, b: 3, c: 1, d: 4 };
        const operands = equation
          .split("->")[0]!
          .split(",")
          .map((letters, n) =>
            wavy(
              [...letters].map((l) => sizes[l]!),
              n,
            ),
          );
        expectClose(einsum(equation, ...operands), naive(equation, operands));
      }),
    );
  });
});

describe("Fourier transforms", () => {
  it("invert each other, whatever the norm", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.constantFrom("backward", "ortho", "forward"), (n, norm) => {
        const [re, im] = [wavy([2, n]), wavy([2, n], 5)];
        expectClose(irfft(rfft(re, { norm }), { n, norm }), re);
        expectClose(fft(fft({ re, im }, { norm }), { norm, inverse: true }).im, im);
      }),
    );
  });

  it("turn circular convolution into products", () => {
    const [x, k] = [wavy([1, 1, 8]), wavy([1, 8], 3)];
    const [a, b] = [rfft(x), rfft(k.unsqueeze(0))];
    const product = { re: a.re.mul(b.re).sub(a.im.mul(b.im)), im: a.re.mul(b.im).add(a.im.mul(b.re)) };
    const twice = longConv(x.pad(2, 0, 8), k, true);
    expectClose(irfft(product), twice.slice(2, 0, 8).add(twice.slice(2, 8)));
  });
});

describe("linear algebra", () => {
  it("solves triangular systems", () => {
    const a = wavy([2, 5, 5]).add(matrixPower(wavy([5, 5]), 0).mul(3));
    const b = wavy([2, 5, 3], 2);
    const lower = iota(5).unsqueeze(1).greaterEqual(iota(5)).cast("f32");
    expectClose(a.mul(lower).matmul(solveLower(a, b)), b);
    expectClose(a.mul(lower.swap(0, 1)).matmul(solveUpper(a, b)), b);
  });

  it("raises matrices to powers", () => {
    const a = wavy([3, 3]);
    expectClose(matrixPower(a, 5), a.matmul(a).matmul(a).matmul(a).matmul(a));
  });
});

describe("layout", () => {
  it("folds what it unfolded as often as windows cover it", () => {
    const options = { kernel: [3, 2], strides: [1, 1], dilations: [1, 1], padding: [1, 0] };
    const x = wavy([2, 3, 4, 5]);
    const cover = fold(unfold(x.mul(0).add(1), options), [4, 5], options);
    expectClose(fold(unfold(x, options), [4, 5], options), x.mul(cover));
  });

  it("rolls around and tiles", () => {
    const x = constant([1, 2, 3], [3]);
    for (const shift of [-4, -1, 0, 2, 7])
      expectClose(
        roll(x, 0, shift),
        [0, 1, 2].map((i) => ((((i - shift) % 3) + 3) % 3) + 1),
      );
    expectClose(tile(x, [2, 2]), [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]);
  });

  it("resizes to the same size without change, and constants to constants", () => {
    for (const mode of ["nearest", "linear", "cubic"] as const) {
      expectClose(resize(wavy([2, 7]), 1, { length: 7, mode }), wavy([2, 7]));
      expectClose(resize(constant([5, 5, 5], [3]).unsqueeze(0), 1, { length: 8, mode }), new Array<number>(8).fill(5));
    }
  });
});

describe("running and pooled maxima", () => {
  it("are those of plain loops", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 1, maxLength: 12 }), (list) => {
        const x = constant(list, [list.length]);
        const best = list.map((_, t) => Math.max(...list.slice(0, t + 1)));
        expectClose(cumulativeMax(x, 0).values, best);
        expectClose(
          cumulativeMax(x, 0).indices,
          best.map((value, t) => list.slice(0, t + 1).lastIndexOf(value)),
        );
        expectClose(
          cumulativeProduct(x, 0),
          list.map((_, t) => list.slice(0, t + 1).reduce((a, b) => a * b, 1)),
        );
        const pooled = maxPool(x.reshape([1, 1, -1]), [{ size: 2, stride: 1, padding: 1 }]);
        expectClose(
          pooled.values,
          Array.from({ length: list.length + 1 }, (_, i) => Math.max(...list.slice(Math.max(0, i - 1), i + 1))),
        );
      }),
    );
    expectClose(logSumExp(constant([1000, 1000], [2])), [1000 + Math.LN2]);
  });
});

describe("attention", () => {
  it("is the weighted mean of the values of shared heads that the mask allows", () => {
    const [q, k, v] = [wavy([2, 4, 3, 5]), wavy([2, 2, 3, 5], 1), wavy([2, 2, 3, 2], 2)];
    const [qs, ks, vs] = [values(q), values(k), values(v)];
    const expected = Array.from({ length: 2 * 4 * 3 * 2 }, (_, at) => {
      const [b, h, t, e] = [Math.floor(at / 24), Math.floor(at / 6) % 4, Math.floor(at / 2) % 3, at % 2] as const;
      const group = b * 2 + Math.floor(h / 2);
      const score = (s: number) =>
        Array.from({ length: 5 }, (_, i) => qs[((b * 4 + h) * 3 + t) * 5 + i]! * ks[(group * 3 + s) * 5 + i]!).reduce(
          (x, y) => x + y,
        ) / Math.sqrt(5);
      const weights = Array.from({ length: t + 1 }, (_, s) => Math.exp(score(s)));
      return weights.reduce((sum, w, s) => sum + w * vs[(group * 3 + s) * 2 + e]!, 0) / weights.reduce((x, y) => x + y);
    });
    expectClose(scaledDotProduct({ q, k, v }, { mask: causalMask(3, 3) }), expected);
  });

  it("gives zeros to a query that may attend to nothing", () => {
    const x = wavy([1, 1, 2, 3]);
    expectClose(scaledDotProduct({ q: x, k: x, v: x }, { mask: constant([0, 0, 1, 0], [2, 2], "bool") }), [
      0,
      0,
      0,
      ...values(x).slice(0, 3),
    ]);
  });
});

describe("sequence losses", () => {
  it("cross-entropy ignores what it is told to and divides by what is left", () => {
    const [x, ids] = [wavy([3, 4]), constant([1, 9, 2], [3], "i32")];
    const each = values(crossEntropy(x, ids, { reduction: "none", ignore: 9 }));
    expect(each[1]).toBe(0);
    expectClose(crossEntropy(x, ids, { ignore: 9 }), [(each[0]! + each[2]!) / 2]);
  });

  it("CTC sums the probability of every alignment", () => {
    const [steps, classes] = [4, 3];
    const logProbs = wavy([steps, 1, classes]).logSoftmax(-1);
    const p = values(logProbs.exp());
    for (const target of [[1], [1, 2], [1, 1], [2, 1]]) {
      let total = 0;
      for (let path = 0; path < classes ** steps; path++) {
        const symbols = Array.from({ length: steps }, (_, t) => Math.floor(path / classes ** t) % classes);
        const merged = symbols.filter((s, t) => s !== 0 && s !== symbols[t - 1]);
        if (merged.join() === target.join())
          total += symbols.reduce((product, s, t) => product * p[t * classes + s]!, 1);
      }
      const lengths = {
        inputLengths: constant([steps], [1], "i32"),
        targetLengths: constant([target.length], [1], "i32"),
      };
      expectClose(ctcLoss({ logProbs, targets: constant(target, [1, target.length], "i32"), ...lengths }), [
        -Math.log(total),
      ]);
    }
  });
});
