/**
 * A detour of some tokens around layers, in training only: those drawn leave the stream below layer `from` and come back as they
 * were behind layer `to`, so that the layers between cost less (Krause et al. 2025, TREAD, arXiv 2501.04765, section 3).
 */
import type { Io } from "../blocks/index.ts";
import { greatestPlaces, putTokens, takeTokens } from "../ops/index.ts";
import { fail, type Tensor, within } from "../tensor/index.ts";
import { type Extras, type Layer, mixersOf, partsOf } from "./layer.ts";
import type { TraceContext } from "./model.ts";
import { needsOf, promises } from "./part.ts";
import type { RouteSpec } from "./spec.ts";

/** Tokens of T that stay on the way through the layers: at least one. */
export const keptTokens = ({ ratio }: RouteSpec, T: number): number => Math.max(1, T - Math.round(ratio * T));

/** One pass: what enters and leaves a layer, and what its parts know of the tokens that it sees. */
export interface RouteRun {
  before(index: number, x: Tensor): Tensor;
  after(index: number, x: Tensor): Tensor;
  io(index: number): Io;
}

interface Start {
  context: TraceContext;
  prefix: string;
  extras: Extras;
  /** 0 … T − 1 of tokens x, behind those in growing states. */
  positionsOf: (x: Tensor, io: Io) => Tensor;
}

export function startRoute(
  route: RouteSpec | undefined,
  { context: { io }, prefix, extras, positionsOf }: Start,
): RouteRun {
  if (route === undefined || io.mode === "eval" || route.ratio === 0)
    return { before: (_, x) => x, after: (_, x) => x, io: () => io };
  const { from, to } = route;
  const path = `${prefix}route`;
  let [entered, places, inner] = [] as unknown as [Tensor, Tensor, Io];
  return {
    before(index, x) {
      if (index !== from) return x;
      return within(path, () => {
        const kept = keptTokens(route, x.dim(1));
        places = greatestPlaces(io.rng(path).uniform([x.dim(0), x.dim(1)]), kept);
        entered = x;
        inner = ioOfKept({ ...io, positions_BT: io.positions_BT ?? positionsOf(x, io) }, places);
        extras.probes[`${path}.kept`] = places;
        return takeTokens(x, places);
      });
    },
    after: (index, x) => (index === to ? within(path, () => putTokens(entered, places, x)) : x),
    io: (index) => (index >= from && index <= to ? inner : io),
  };
}

/** What is known of each token, for the kept ones; their time since the token before includes that of tokens left out. */
function ioOfKept(io: Io, places_BK: Tensor): Io {
  const take = (x: Tensor | undefined) => x && takeTokens(x, places_BK);
  const { ids_BT, mask_BT, positions_BT, segments_BT, dt_BT, cond_BTD, grid: _, ...rest } = io;
  const times_BK = take(dt_BT?.cumsum(1));
  const own = {
    ids_BT: take(ids_BT),
    mask_BT: mask_BT && take(mask_BT.cast("i32"))!.greater(0),
    positions_BT: take(positions_BT),
    segments_BT: take(segments_BT),
    dt_BT: times_BK?.sub(times_BK.slice(1, 0, -1).pad(1, 1, 0)),
    cond_BTD: cond_BTD && cond_BTD.dim(1) > 1 ? take(cond_BTD) : cond_BTD,
  };
  return { ...rest, ...(Object.fromEntries(Object.entries(own).filter(([, value]) => value)) as Partial<Io>) };
}

/** Layers on the way must work on any tokens, and hand nothing to others. Throws E_SPEC_ROUTE. */
export function assertRoutable({ from, to }: RouteSpec, layers: readonly Layer[], where: string): void {
  const reject = (at: string, expected: string, got: string) =>
    fail({ code: "E_SPEC_ROUTE", where: at, expected, got });
  if (from > to || to >= layers.length)
    reject(where, `0 ≤ from ≤ to < ${layers.length}, the number of layers`, `from ${from} to ${to}`);
  const inside = layers.slice(from, to + 1);
  for (const part of inside.flatMap(partsOf))
    if (promises(part).length !== "any" || needsOf(part).includes("grid"))
      reject(part.where, "a part for any number of tokens, as a route leads around its layer", part.component.kind);
  for (const { component, c, where: at } of layers.flatMap(mixersOf))
    if ((component.takes?.(c) ?? []).length > 0)
      reject(at, "a mixer that takes nothing of earlier layers beside a route", component.kind);
  if (inside.some(({ sublayers }) => sublayers.some(({ reshape }) => reshape !== undefined)))
    reject(where, "layers that keep the stream's width and grid", "one that does not");
}
