import { expect, test } from "vitest";
import { countFlops } from "../../engine/index.ts";
import { input } from "../../tensor/index.ts";
import {
  type Loose,
  mixerSuite,
  type NaiveMixerArguments,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import { classAttention } from "./class-attention.ts";
import { cut, dot, range, sum, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<ReturnType<typeof classAttention.config.parse>, ReturnType<typeof classAttention.dims>>;

function naive({ x, p: given, d }: At) {
  const p = given as Readonly<Record<string, Loose>>;
  const y = x.map((tokens) => {
    const heads = (token: number[], name: string) => cut(times(token, p[name]!, p[`${name}Bias`]), d.H);
    const q = heads(tokens[0]!, "q");
    const answer = range(d.H).flatMap((h) => {
      const weights = tokens.map((token) => Math.exp(dot(q[h]!, heads(token, "k")[h]!) / Math.sqrt(d.K)));
      const values = tokens.map((token) => heads(token, "v")[h]!);
      return range(d.K).map((i) => sum(values.map((v, s) => weights[s]! * v[i]!)) / sum(weights));
    });
    return tokens.map((token, t) => (t === 0 ? times(answer, p.out!, p.outBias) : token.map(() => 0)));
  });
  return { y };
}

mixerSuite(classAttention, {
  configs: [{ heads: 2 }, { heads: 4, bias: true, outBias: false }],
  width: 8,
  naive: naive as never,
});

const D = 8;
const c = classAttention.config.parse({ heads: 2 });
const d = classAttention.dims(c, D);
const declared = Object.entries(classAttention.params(d, c));

test("[class-attention] a residual leaves the bits of all tokens but the first", () => {
  const x = randomNormal("tokens", [2, 7, D]);
  const inputs = { x, ...Object.fromEntries(declared.map(([name, { shape }]) => [name, randomNormal(name, shape)])) };
  const { sum: after } = run({
    inputs,
    build: ({ x: tokens, ...weights }) => {
      const p = weightsFrom(weights) as never;
      const { y } = classAttention.forward(tokens!, { c, d, p, s: {}, b: {}, io: plainIo("eval") });
      return { sum: tokens!.add(y) };
    },
  });
  const later = ({ data }: { data: Float64Array }) => data.filter((_, i) => Math.floor(i / D) % 7 > 0);
  expect(later(after!)).toEqual(later(x));
  expect(after!.data).not.toEqual(x.data);
});

test("[class-attention] its cost grows linearly with the tokens", () => {
  const flops = (T: number) => {
    const p = weightsFrom(Object.fromEntries(declared.map(([name, { shape }]) => [name, input(name, shape)]))) as never;
    const at = { c, d, p, s: {}, b: {}, io: plainIo("eval") };
    return countFlops([classAttention.forward(input("x", [1, T, D]), at).y]).total;
  };
  expect(flops(1024) / flops(512)).toBeCloseTo(2, 1);
});
