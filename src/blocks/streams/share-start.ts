import type { Init } from "../weights/declare.ts";

/** [S, 1 + S]: the sublayer reads one stream, another one each turn, and every stream is carried on as it is. */
export const shareStart = (streams: number, turn: number): Init => ({
  kind: "values",
  fill: () =>
    Array.from({ length: streams * (1 + streams) }, (_, i) => {
      const [row, column] = [Math.floor(i / (1 + streams)), i % (1 + streams)];
      return Number(column === 0 ? row === (turn - 1) % streams : row === column - 1);
    }),
});
