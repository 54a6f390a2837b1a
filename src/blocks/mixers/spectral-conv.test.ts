import { expect, test } from "vitest";
import { mixerSuite, type NaiveMixerArguments, randomNormal, run } from "../../testing/index.ts";
import { goldenIo, weightOf } from "./rnn-golden-weights.fixture.ts";
import { convolveGrid, spectralConv } from "./spectral-conv.ts";

type Arguments = NaiveMixerArguments<
  ReturnType<typeof spectralConv.config.parse>,
  ReturnType<typeof spectralConv.dims>,
  ReturnType<typeof spectralConv.params>
>;

/** Every sum of Li et al. 2021, eq. 4 and 5, spelled out: a line is a grid of height 1, of which only frequency 0 exists. */
function naive({ x, p, c, d }: Arguments) {
  const first = c.axes === "grid" ? Math.floor(c.modes / 2) * d.half : 0;
  const y = x.map((rows) => {
    const T = rows.length;
    const out = rows.map(() => Array.from({ length: d.D }, (_, o) => p.bias?.[o] ?? 0));
    for (let f = 0; f < d.half && 2 * f <= T; f++) {
      const wave = (t: number) => (2 * Math.PI * f * t) / T;
      const re = Array.from(
        { length: d.D },
        (_, i) => rows.reduce((s, row, t) => s + row[i]! * Math.cos(wave(t)), 0) / T,
      );
      const im = Array.from(
        { length: d.D },
        (_, i) => -rows.reduce((s, row, t) => s + row[i]! * Math.sin(wave(t)), 0) / T,
      );
      const twice = f === 0 || 2 * f === T ? 1 : 2;
      for (let o = 0; o < d.D; o++) {
        const W = (part: "re" | "im", i: number) => p[part][first + f]![i]![o]!;
        const yRe = re.reduce((s, value, i) => s + value * W("re", i) - im[i]! * W("im", i), 0);
        const yIm = re.reduce((s, value, i) => s + value * W("im", i) + im[i]! * W("re", i), 0);
        const real = 2 * f === T || f === 0 ? 0 : yIm;
        for (let t = 0; t < T; t++) out[t]![o]! += twice * (yRe * Math.cos(wave(t)) - real * Math.sin(wave(t)));
      }
    }
    return out;
  });
  return { y };
}

mixerSuite(spectralConv, {
  configs: [{ modes: 4 }, { modes: 64, bias: false }, { modes: 4, axes: "grid" }],
  naive,
  width: 4,
});

test("moving a picture around its edges moves the output with it, along both axes", () => {
  const D = 2;
  const config = spectralConv.config.parse({ modes: 4, axes: "grid" });
  const d = spectralConv.dims(config, D);
  const [h, w] = [6, 8];
  const moved = run({
    inputs: {
      x: randomNormal("picture", [1, D, h, w]),
      re: randomNormal("re", [d.M, D, D]),
      im: randomNormal("im", [d.M, D, D]),
    },
    build: ({ x, re, im }) => {
      const p = { re: weightOf(re!), im: weightOf(im!) };
      const roll = (t: typeof x) => {
        const down = t!
          .slice(2, 2)
          .pad(2, 0, 2)
          .add(t!.slice(2, 0, 2).pad(2, h - 2, 0));
        return down
          .slice(3, 3)
          .pad(3, 0, 3)
          .add(down.slice(3, 0, 3).pad(3, w - 3, 0));
      };
      const picture = (t: NonNullable<typeof x>) => convolveGrid(t, p, [4, 4]);
      const tokens = x!.reshape([1, D, h * w]).transpose([0, 2, 1]);
      const at = { c: config, d, p: { ...p, bias: weightOf(re!.slice(0, 0, 1).slice(1, 0, 1).reshape([D]).mul(0)) } };
      const { y } = spectralConv.forward(tokens, { ...at, s: {}, b: {}, io: goldenIo({ grid: [h, w] }) });
      return {
        before: picture(roll(x)),
        after: roll(picture(x!)),
        mixer: y.transpose([0, 2, 1]).reshape([1, D, h, w]),
        picture: picture(x!),
      };
    },
  });
  expect(moved.before!).toBeAllclose(moved.after!, { tolerance: 1e-12 });
  expect(moved.mixer!).toBeAllclose(moved.picture!, { tolerance: 1e-12 });
});
