import { expect, test } from "vitest";
import { runReference } from "../../engine/reference.ts";
import { vjp } from "../../grad/index.ts";
import { constant, input } from "../../tensor/index.ts";
import {
  type Loose,
  mixerSuite,
  type NaiveMixerArguments,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import { attention } from "./attention.ts";
import { longformer } from "./longformer.ts";
import { cut, dot, range, sum, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<ReturnType<typeof longformer.config.parse>, ReturnType<typeof longformer.dims>>;

function naive({ x, p: given, c, d }: At) {
  const p = given as Readonly<Record<string, Loose>>;
  const y = x.map((tokens) => {
    const maps = (name: string) => tokens.map((token) => cut(times(token, p[name]!, p[`${name}Bias`]), 3 * d.H));
    const [local, global] = [maps("qkv"), maps("globalQkv")];
    return tokens.map((_, t) => {
      const all = t < c.globals;
      const columns = all ? global : local;
      const seen = range(tokens.length).filter((s) => all || s < c.globals || Math.abs(t - s) <= c.radius);
      const heads = range(d.H).flatMap((h) => {
        const weights = seen.map((s) => Math.exp(dot(columns[t]![h]!, columns[s]![d.H + h]!) / Math.sqrt(d.K)));
        return range(d.K).map(
          (i) => sum(seen.map((s, n) => weights[n]! * columns[s]![2 * d.H + h]![i]!)) / sum(weights),
        );
      });
      return times(heads, p.out!, p.outBias);
    });
  });
  return { y };
}

mixerSuite(longformer, {
  configs: [
    { heads: 2, radius: 2, globals: 1 },
    { heads: 2, radius: 1, globals: 3, bias: true },
  ],
  width: 8,
  naive: naive as never,
});

const [D, T] = [8, 12];
const options = { heads: 2, radius: 2, globals: 1 };

test("[longformer] the band is full attention under a mask, and only global tokens see and are seen by all", () => {
  const c = longformer.config.parse(options);
  const d = longformer.dims(c, D);
  const weights = Object.entries(longformer.params(d, c)).map(([name, { shape }]) => [
    name,
    constant(randomNormal(name, shape, 0.5).data, shape),
  ]);
  const p = weightsFrom(Object.fromEntries(weights)) as never;
  const leaf = input("x", [1, T, D]);
  const { y } = longformer.forward(leaf, { c, d, p, s: {}, b: {}, io: plainIo("eval") });
  const data = randomNormal("tokens", [1, T, D]).data;
  for (const t of [0, 6, 11]) {
    const row = y.slice(1, t, t + 1);
    const [gradient] = vjp([row], [constant(randomNormal("probe", row.shape).data, row.shape)], [leaf]);
    const [moved] = runReference([gradient!.square().sum(2)], { x: data });
    const seen = range(T).filter((s) => moved![s] !== 0);
    expect(seen).toEqual(range(T).filter((s) => t === 0 || s === 0 || Math.abs(s - t) <= 2));
  }
});

test("[longformer] a radius as long as the text, with maps shared by global tokens, is full attention", () => {
  const inputs = {
    x: randomNormal("x", [2, T, D]),
    qkv: randomNormal("qkv", [D, 3 * D]),
    out: randomNormal("out", [D, D]),
  };
  const { ours, full } = run({
    inputs,
    build: ({ x, qkv, out }) => {
      const c = longformer.config.parse({ ...options, radius: T });
      const io = plainIo("eval");
      const p = weightsFrom({ qkv: qkv!, globalQkv: qkv!, out: out! }) as never;
      const config = attention.config.parse({ heads: 2, causal: false });
      const plain = weightsFrom({ qkv: qkv!, out: out! }) as never;
      return {
        ours: longformer.forward(x!, { c, d: longformer.dims(c, D), p, s: {}, b: {}, io }).y,
        full: attention.forward(x!, { c: config, d: attention.dims(config, D), p: plain, s: {}, b: {}, io }).y,
      };
    },
  });
  expect(ours!).toBeAllclose(full!, { tolerance: 1e-12 });
});
