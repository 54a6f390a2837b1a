import { families } from "../../blocks/index.ts";
import { type LayerSpec, type ModelSpec, parameterCount, stateShape } from "../../model/index.ts";
import { buildSpec } from "../../spec/index.ts";
import { fail, sizeOf } from "../../tensor/index.ts";
import type { Setting, SizeMeasure } from "./settings.ts";

/** A spec brought to a size, and what was changed for it. */
export interface Sized {
  spec: ModelSpec;
  tuned: Record<string, number>;
  /** The measure's value that was reached. */
  reached: number;
}

/** How far from the size asked for a model may stay. */
export const sizeTolerance = 0.03;
const stateTokens = 1024;

interface Target {
  size: Setting<SizeMeasure>;
  /** Ids of the tokenizer. */
  tokens: number;
}

/**
 * Brings a spec to a size: first by its width (multiples of 8 that its heads divide), then by the first `tune` dial of its
 * channel or token mixers. Throws E_SIZE where no width comes within 3 %.
 */
export function equalise(spec: ModelSpec, target: Target): Sized {
  const byWidth = nearestWidth(spec, target);
  const dialled = dialsOf(byWidth.spec).map((dial) => turnDial(byWidth, dial, target));
  const best = [byWidth, ...dialled].sort((a, b) => gap(a, target) - gap(b, target))[0]!;
  if (gap(best, target) > sizeTolerance) rejectSize(best, target);
  return best;
}

const gap = ({ reached }: Sized, { size }: Target): number => Math.abs(reached / size.value - 1);

/** A spec's value of a measure; undefined where the spec cannot be built. */
function measure(spec: ModelSpec, { size, tokens }: Target): number | undefined {
  try {
    const { model } = buildSpec(spec, { tokens });
    if (size.measure === "params") return parameterCount(model.parameters);
    if (size.measure === "activeParams") return model.activeParameters;
    return [...model.states.values()].reduce((sum, state) => sum + 4 * sizeOf(stateShape(state, stateTokens)), 0);
  } catch {
    return undefined;
  }
}

const widthStep = 8;
const largestWidth = 16_384;

function nearestWidth(spec: ModelSpec, target: Target): Sized {
  const candidates: Sized[] = [];
  for (let width = widthStep; width <= largestWidth; width += widthStep) {
    const resized = { ...spec, width };
    const reached = measure(resized, target);
    if (reached === undefined) continue;
    candidates.push({ spec: resized, tuned: { width }, reached });
    if (reached > target.size.value) break;
  }
  const [best] = candidates.sort((a, b) => gap(a, target) - gap(b, target));
  return (
    best ??
    fail({
      code: "E_SIZE",
      where: spec.name,
      expected: `a width (multiple of ${widthStep}) that its parts divide`,
      got: "none",
    })
  );
}

type Slot = "mixer" | "channel" | "cross";
interface Dial {
  slot: Slot;
  kind: string;
  key: string;
  unit: number;
}

/** The first dial of every distinct part: channel mixers, then token mixers, then those that read an encoder. */
function dialsOf({ layers, encoder }: ModelSpec): Dial[] {
  const found = new Map<string, Dial>();
  for (const slot of ["channel", "mixer", "cross"] as const)
    for (const layer of [...layers, ...(encoder?.layers ?? [])]) {
      const kind = layer[slot]?.kind;
      if (kind === undefined) continue;
      const [dial] = (slot === "channel" ? families.channels : families.mixers)[kind]?.tune ?? [];
      if (dial) found.set(`${slot} ${kind}`, { slot, kind, ...dial });
    }
  return [...found.values()];
}

function turn({ layers, encoder, ...spec }: ModelSpec, { slot, kind, key }: Dial, value: number): ModelSpec {
  const turned = (layer: LayerSpec) =>
    layer[slot]?.kind === kind ? { ...layer, [slot]: { ...layer[slot], [key]: value } } : layer;
  return {
    ...spec,
    ...(encoder && { encoder: { ...encoder, layers: encoder.layers.map(turned) } }),
    layers: layers.map(turned),
  };
}

/** The dial's value at which the measure comes nearest to the target. */
function turnDial(start: Sized, dial: Dial, target: Target): Sized {
  const reachedAt = (value: number) =>
    measure(turn(start.spec, dial, value * dial.unit), target) ?? Number.POSITIVE_INFINITY;
  const nearest = bracketsOf(start.spec.width / dial.unit)
    .flatMap((bracket) => crossing(bracket, { reachedAt, goal: target.size.value }))
    .map((value) => ({ value: value * dial.unit, reached: reachedAt(value) }))
    .sort((a, b) => Math.abs(a.reached - target.size.value) - Math.abs(b.reached - target.size.value))[0];
  if (nearest === undefined) return start;
  return {
    spec: turn(start.spec, dial, nearest.value),
    tuned: { ...start.tuned, [`layers[*].${dial.slot}(${dial.kind}).${dial.key}`]: nearest.value },
    reached: nearest.reached,
  };
}

type Bracket = readonly [low: number, high: number];

/**
 * Ranges within which the measure grows with the dial. It need not grow from one to the next: a hidden size equal to the
 * width saves the projection back.
 */
function bracketsOf(width: number): Bracket[] {
  const whole = Math.max(2, Math.round(width));
  const ends = [1, whole - 1, whole, whole + 1, 16 * whole];
  return ends.slice(1).map((high, i) => [ends[i]!, high]);
}

/** Both neighbours of the place where a growing measure passes the goal; none where it does not pass it in the range. */
function crossing(
  [first, last]: Bracket,
  { reachedAt, goal }: { reachedAt: (value: number) => number; goal: number },
): number[] {
  if (reachedAt(first) > goal || reachedAt(last) < goal) return [];
  let [low, high] = [first, last];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (reachedAt(middle) <= goal) low = middle;
    else high = middle;
  }
  return [low, high];
}

function rejectSize({ spec, reached }: Sized, { size }: Target): never {
  fail({
    code: "E_SIZE",
    where: spec.name,
    expected: `${size.measure} within ${sizeTolerance * 100} % of ${size.value}`,
    got: `${reached} at width ${spec.width}, the nearest`,
    hint:
      size.measure === "stateBytes"
        ? "Not every state can be made that small or large; compare by params instead."
        : "Change the number of layers in the spec, or the size.",
  });
}
