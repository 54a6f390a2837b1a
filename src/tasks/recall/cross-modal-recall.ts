/** Recall across two modalities: words that belong to points of a grid, asked by points near by. */
import { z } from "zod";
import type { Rng } from "../../ops/index.ts";
import { defineTask, drawSymbols, predicted } from "../task.ts";

interface Config {
  words: number;
  side: number;
  noise: number;
  queries: number;
}

/** Cells of (2·noise + 1)² points along one side, wherever they begin: points shown stand in their middles. */
const cellsAlong = ({ side, noise }: Config): number => Math.floor((side - 2 * noise) / (2 * noise + 1));

/** Words, the separator, then the grid's points row by row, in this order of ids. */
export const crossModalRecall = defineTask<Config>({
  kind: "cross-modal-recall",
  title: "Words of points, asked by points near by",
  cite: {
    arxiv: "2106.13884",
    by: "Tsimpoukelli et al. 2021, section 4.3, fast binding of words to images, as a toy",
    title: "Multimodal Few-Shot Learning with Frozen Language Models",
  },
  layout: "p₁ w₁ … pₙ wₙ ? p′ | → w of the nearest pᵢ, then p″ | → …",
  config: z.strictObject({
    words: z.int().min(2).default(8).describe("distinct words"),
    side: z.int().min(6).max(128).default(24).describe("points along each side of the grid"),
    noise: z.int().nonnegative().default(1).describe("steps at most, along each side, from a shown point to its query"),
    queries: z.int().positive().default(4).describe("points asked"),
  }),
  lengthIs: "points shown",
  least: () => 2,
  window: (length, c) => (length > cellsAlong(c) ** 2 ? Number.POSITIVE_INFINITY : 2 * (length + c.queries)),
  vocabulary: ({ words, side }) => words + 1 + side ** 2,
  answers: ({ words }) => Array.from({ length: words }, (_, word) => word),
  sample(rng, { length, c }) {
    const idOf = ([row, column]: readonly [number, number]) => c.words + 1 + row * c.side + column;
    const shown = drawPoints(rng, length, c);
    const words = drawSymbols(rng, length, c.words);
    const asked = Array.from({ length: c.queries }, () => rng.below(length));
    const sequence = [
      ...shown.flatMap((point, i) => [idOf(point), words[i]!]),
      c.words,
      ...asked.flatMap((i) => [idOf(near(rng, shown[i]!, c.noise)), words[i]!]),
    ];
    return predicted(sequence, (place) => place > 2 * length && (place - 2 * length) % 2 === 0);
  },
});

type Point = readonly [row: number, column: number];

/** Middles of different cells of a lattice that begins anywhere: more than 2·noise steps apart. */
function drawPoints(rng: Rng, count: number, c: Config): Point[] {
  const size = 2 * c.noise + 1;
  const along = cellsAlong(c);
  const [top, left] = [rng.below(size), rng.below(size)];
  const cells = [...rng.permutation(along ** 2).subarray(0, count)];
  return cells.map((cell) => [top + size * Math.floor(cell / along) + c.noise, left + size * (cell % along) + c.noise]);
}

const near = (rng: Rng, [row, column]: Point, noise: number): Point => [
  row + rng.below(2 * noise + 1) - noise,
  column + rng.below(2 * noise + 1) - noise,
];
