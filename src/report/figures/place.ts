/** Puts labels beside points so that they cover neither each other nor a point: the first free place of a few, nearest first. */

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Anchor {
  x: number;
  y: number;
  width: number;
}

const HEIGHT = 14;
/** Directions in which a label is tried, as shares of its own size: right, left, above, below, then the corners. */
const DIRECTIONS = [
  [1, 0],
  [-1, 0],
  [0, -1],
  [0, 1],
  [1, -1],
  [1, 1],
  [-1, -1],
  [-1, 1],
] as const;
const DISTANCES = [9, 15, 23, 33, 45, 60, 80];

/** One box per anchor, in order; `obstacles` are what labels must not cover, `inside` the area they must stay in. */
export function placeLabels(anchors: readonly Anchor[], obstacles: readonly Box[], inside: Box): Box[] {
  const taken = [...obstacles];
  return anchors.map((anchor) => {
    const best = bestBox(anchor, taken, inside);
    taken.push(best);
    return best;
  });
}

function bestBox(anchor: Anchor, taken: readonly Box[], inside: Box): Box {
  let best = boxAt(anchor, 1, 0, DISTANCES[0] ?? 0);
  let least = Number.POSITIVE_INFINITY;
  for (const distance of DISTANCES) {
    for (const [dx, dy] of DIRECTIONS) {
      const box = boxAt(anchor, dx, dy, distance);
      const covered = taken.reduce((sum, other) => sum + overlap(box, other), 0) + outside(box, inside) * 20;
      if (covered < least) [best, least] = [box, covered];
      if (least < 0.5) return best;
    }
  }
  return best;
}

function boxAt({ x, y, width }: Anchor, dx: number, dy: number, distance: number): Box {
  const reach = dx !== 0 && dy !== 0 ? distance * 0.75 : distance;
  const left = dx === 0 ? x - width / 2 : dx > 0 ? x + reach : x - reach - width;
  return { x: left, y: y - HEIGHT / 2 + dy * (reach + (dx === 0 ? 4 : 0)), width, height: HEIGHT };
}

function overlap(a: Box, b: Box): number {
  const wide = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const high = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return wide > 0 && high > 0 ? wide * high : 0;
}

function outside(box: Box, area: Box): number {
  return box.width * box.height - overlap(box, area);
}
