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

type Slot = "mixer" | "channel";
interface Dial {
  slot: Slot;
  kind: string;
  key: string;
  unit: number;
}

/** The first dial of every distinct part, channel mixers before token mixers. */
function dialsOf({ layers }: ModelSpec): Dial[] {
  const found = new Map<string, Dial>();
  for (const slot of ["channel", "mixer"] as const)
    for (const layer of layers) {
      const { kind } = layer[slot];
      const [dial] = (slot === "mixer" ? families.mixers : families.channels)[kind]?.tune ?? [];
      if (dial) found.set(`${slot} ${kind}`, { slot, kind, ...dial });
    }
  return [...found.values()];
}

function turn({ layers, ...spec }: ModelSpec, { slot, kind, key }: Dial, value: number): ModelSpec {
  const turned = (layer: LayerSpec) =>
    layer[slot].kind === kind ? { ...layer, [slot]: { ...layer[slot], [key]: value } } : layer;
  return { ...spec, layers: layers.map(turned) };
}

/** Bisects the dial's value, the measure growing with it. */
function turnDial(start: Sized, dial: Dial, target: Target): Sized {
  const at = (value: number) => measure(turn(start.spec, dial, value * dial.unit), target);
  let [low, high] = [1, Math.ceil((16 * start.spec.width) / dial.unit)];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    const reached = at(middle);
    if (reached !== undefined && reached <= target.size.value) low = middle;
    else high = middle;
  }
  const ends = [low, high].map((value) => ({
    value: value * dial.unit,
    reached: at(value) ?? Number.POSITIVE_INFINITY,
  }));
  const [best] = ends.sort((a, b) => Math.abs(a.reached - target.size.value) - Math.abs(b.reached - target.size.value));
  return {
    spec: turn(start.spec, dial, best!.value),
    tuned: { ...start.tuned, [`layers[*].${dial.slot}(${dial.kind}).${dial.key}`]: best!.value },
    reached: best!.reached,
  };
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
