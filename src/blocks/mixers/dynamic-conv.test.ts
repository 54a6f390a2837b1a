import { expect, test } from "vitest";
import {
  type Arrays,
  drawParameters,
  mixerSuite,
  type NaiveMixerArguments,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import { dynamicConv, kernels } from "./dynamic-conv.ts";
import { dot, range, sigmoid, sum, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof dynamicConv.config.parse>,
  ReturnType<typeof dynamicConv.dims>,
  ReturnType<typeof dynamicConv.params>,
  ReturnType<typeof dynamicConv.state>
>;

const shares = (z: readonly number[]): number[] => z.map((v) => Math.exp(v) / sum(z.map(Math.exp)));

/** Wu et al. 2019, eq. 3 to 6, token by token; `past` [D][K − 1]. */
function sequence(x: number[][], { p, c, d }: Pick<At, "p" | "c" | "d">, past: number[][] | undefined) {
  const gated = x.map((token) => {
    const wide = times(token, p.in, p.inBias);
    return c.glu ? range(d.D).map((i) => wide[i]! * sigmoid(wide[d.D + i]!)) : wide;
  });
  const before = c.causal
    ? range(c.taps - 1).map((t) => range(d.D).map((i) => past?.[i]?.[t] ?? 0))
    : range((c.taps - 1) / 2).map(() => range(d.D).map(() => 0));
  const all = [...before, ...gated, ...(c.causal ? [] : before)];
  const y = gated.map((own, t) => {
    const read = own.map((_, i) => {
      const h = Math.floor(i / d.perHead);
      const free = p.predictor ? times(own, p.predictor).slice(h * c.taps, (h + 1) * c.taps) : [];
      const logits = range(c.taps).map((j) => p.kernel[h]![j]! + (free[j] ?? 0));
      return dot(
        c.softmax ? shares(logits) : logits,
        range(c.taps).map((j) => all[t + j]![i]!),
      );
    });
    return times(read, p.out, p.outBias);
  });
  return { y, past: range(d.D).map((i) => all.slice(all.length - c.taps + 1).map((row) => row[i]!)) };
}

mixerSuite(dynamicConv, {
  configs: [
    { heads: 2, taps: 3 },
    { heads: 2, taps: 4, kernel: "lightweight", glu: false },
    { heads: 1, taps: 3, softmax: false },
    { heads: 4, taps: 5, causal: false },
  ],
  width: 4,
  naive: ({ x, p, c, d, s }: At) => {
    const results = x.map((rows, b) => sequence(rows, { p, c, d }, s?.past?.[b] as number[][] | undefined));
    return { y: results.map(({ y }) => y), s: c.causal ? { past: results.map(({ past }) => past) } : {} };
  },
});

const [D, T] = [8, 9];
const parse = (options: object) => {
  const c = dynamicConv.config.parse({ heads: 2, taps: 3, ...options });
  return { c, d: dynamicConv.dims(c, D) };
};

function outputs(options: object, parameters: Arrays) {
  const { c, d } = parse(options);
  return run({
    inputs: { x: randomNormal("x", [2, T, D]), ...parameters },
    build: ({ x, ...at }) => {
      const p = weightsFrom(at) as never;
      const { y } = dynamicConv.forward(x!, { c, d, p, s: {}, b: {}, io: plainIo("eval") });
      return { y, sums: kernels(x!, { c, d, p }).sum(0) };
    },
  });
}

test("[dynamic-conv] a constant predictor gives the lightweight convolution, and every kernel adds up to 1", () => {
  const light = parse({ kernel: "lightweight" });
  const parameters = drawParameters(dynamicConv.params(light.d, light.c));
  const lightweight = outputs({ kernel: "lightweight" }, parameters);
  const nothing = { predictor: { shape: [D, 2 * 3], data: new Float64Array(D * 2 * 3) } };
  expect(outputs({}, { ...parameters, ...nothing }).y!).toBeAllclose(lightweight.y!, { tolerance: 1e-12 });
  const { c, d } = parse({});
  const dynamic = outputs({}, drawParameters(dynamicConv.params(d, c)));
  for (const { data } of [lightweight.sums!, dynamic.sums!]) for (const total of data) expect(total).toBeCloseTo(1, 12);
  // H kernels of K numbers in place of D: the paper's saving.
  const size = (name: "kernel") => dynamicConv.params(light.d, light.c)[name].shape.reduce((a, b) => a * b, 1);
  expect(size("kernel")).toBe(2 * 3);
});
