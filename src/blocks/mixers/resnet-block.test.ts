import { expect, test } from "vitest";
import { mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { convolveCells, type Kernel } from "./grid-naive.ts";
import { resnetBlock } from "./resnet-block.ts";

type At = NaiveMixerArguments<ReturnType<typeof resnetBlock.config.parse>, Record<string, number>>;

/** In evaluation with running statistics at their start (mean 0, variance 1). */
function naive({ x, p, c }: At) {
  const table = p as Record<string, unknown>;
  const normed = (tokens: number[][], which: 1 | 2) =>
    tokens.map((token) =>
      token.map((v, i) => {
        if (c.norm === "none") return v + (table[`bias${which}`] as number[])[i]!;
        const [gain, bias] = ["gain", "bias"].map((name) => (table[`norm${which}.${name}`] as number[])[i]!);
        return (v / Math.sqrt(1 + 1e-5)) * gain! + bias!;
      }),
    );
  return {
    y: x.map((tokens) => {
      const [rows, columns] = [Math.ceil(tokens.length / c.columns), c.columns];
      const kernel = (which: 1 | 2) => table[`kernel${which}`] as Kernel;
      const first = normed(convolveCells(tokens, kernel(1), { rows, columns, stride: c.stride }), 1);
      const hidden = first.map((token) => token.map((v) => Math.max(0, v)));
      const thinner = { rows: Math.ceil(rows / c.stride), columns: Math.ceil(columns / c.stride) };
      // Cells behind the last token are none, also between the convolutions.
      const kept = c.stride === 1 ? hidden.slice(0, tokens.length) : hidden;
      const second = convolveCells(kept, kernel(2), thinner);
      return normed(c.stride === 1 ? second.slice(0, tokens.length) : second, 2);
    }),
  };
}

mixerSuite(resnetBlock, {
  configs: [{ columns: 3 }, { columns: 3, norm: "none" }],
  width: 4,
  naive: naive as never,
});

/** Whole grids only: a stride leaves no place for a row that is not full. */
mixerSuite(
  { ...resnetBlock, kind: "resnet-block, strided" },
  { configs: [{ columns: 1, stride: 2, widen: 2 }], width: 4, naive: naive as never },
);

test("[resnet] the convolutions of a block have k²·I·O weights, and no offsets beside their norms", () => {
  const c = resnetBlock.config.parse({ stride: 2, widen: 2 });
  const shapes = Object.entries(resnetBlock.params(resnetBlock.dims(c, 16), c)).map(([name, { shape }]) => [
    name,
    shape,
  ]);
  expect(Object.fromEntries(shapes)).toEqual({
    kernel1: [32, 16, 3, 3],
    kernel2: [32, 32, 3, 3],
    ...Object.fromEntries(
      ["norm1", "norm2"].flatMap((n) => [
        [`${n}.gain`, [32]],
        [`${n}.bias`, [32]],
      ]),
    ),
  });
});
