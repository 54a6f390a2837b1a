import { expect, test } from "vitest";
import { vjp } from "../../grad/index.ts";
import { constant } from "../../tensor/index.ts";
import {
  type Loose,
  mixerSuite,
  type NaiveMixerArguments,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import { cut, dot, range, sum, times, unit } from "./plain-loops.ts";
import { yoso } from "./yoso.ts";

type At = NaiveMixerArguments<ReturnType<typeof yoso.config.parse>, ReturnType<typeof yoso.dims>>;

function naive({ x, p: given, c, d }: At) {
  const p = given as Readonly<Record<string, Loose>>;
  const side = ((c.kernel ?? 1) - 1) / 2;
  const y = x.map((tokens) => {
    const columns = tokens.map((token) => cut(times(token, p.qkv!, p.qkvBias), 3 * d.H));
    const v = (t: number, h: number, i: number) => columns[t]?.[2 * d.H + h]?.[i] ?? 0;
    return tokens.map((_, t) => {
      const heads = range(d.H).flatMap((h) => {
        const chances = columns.map(
          (row) => (1 - Math.acos(dot(unit(columns[t]![h]!, 0), unit(row[d.H + h]!, 0))) / Math.PI) ** c.bits,
        );
        const o = unit(
          range(d.K).map((i) => sum(chances.map((chance, s) => chance * v(s, h, i)))),
          0,
        );
        return o.map(
          (value, i) => value + sum(range(c.kernel ?? 0).map((j) => p.kernel![h]![j]! * v(t + j - side, h, i))),
        );
      });
      return times(heads, p.out!, p.outBias);
    });
  });
  return { y };
}

mixerSuite(yoso, {
  configs: [
    { heads: 2, gradient: "exact" },
    { heads: 2, bits: 3, kernel: 3, bias: true, outBias: true, gradient: "exact" },
  ],
  width: 8,
  naive: naive as never,
});

test("the bound gives the same values, and a smaller gradient of the same sign for every pair", () => {
  const D = 4;
  const inputs = {
    x: randomNormal("x", [1, 5, D]),
    qkv: randomNormal("qkv", [D, 3 * D]),
    out: randomNormal("out", [D, D]),
  };
  const at = (gradient: string) =>
    run({
      inputs,
      build: ({ x, qkv, out }) => {
        const c = yoso.config.parse({ heads: 1, gradient });
        const p = weightsFrom({ qkv: qkv!, out: out! }) as never;
        const { y } = yoso.forward(x!, { c, d: yoso.dims(c, D), p, s: {}, b: {}, io: plainIo("eval") });
        const probe = constant(randomNormal("probe", y.shape).data, y.shape);
        return { y, gradient: vjp([y], [probe], [qkv!])[0]! };
      },
    });
  const [bound, exact] = [at("bound"), at("exact")];
  expect(bound.y!).toBeAllclose(exact.y!, { tolerance: 1e-12 });
  expect(bound.gradient!.data).not.toEqual(exact.gradient!.data);
  // bits·p/2 ≤ dp/ds = bits·p·(1 − θ/π)⁻¹ / (π sin θ) for every angle θ.
  for (let angle = 0.01; angle < Math.PI; angle += 0.01)
    expect(1 / 2).toBeLessThanOrEqual(1 / ((1 - angle / Math.PI) * Math.PI * Math.sin(angle)));
});
