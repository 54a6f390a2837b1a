/** Draws a spec as a column of boxes, from the embedding at the top to the head at the bottom, equal layers folded. */
import { type Html, html } from "../escape.ts";
import { familyOfMixer } from "../families.ts";
import { whole } from "../format.ts";
import type { Architecture, LayerSpec } from "./architecture.ts";
import { type Fold, fold } from "./fold.ts";
import { compactLayer, layerPieces } from "./layer.ts";
import { arrow, box, type Piece, pill, stacked, wire, word } from "./pieces.ts";
import { optionPhrases, titleOf } from "./wording.ts";

const DIAGRAM_WIDTH = 276;
const CENTER = 116;
/** Left and right edges of the frames; a group leaves room for the counts of the layers in it. */
const LAYER_FRAME = { left: 16, right: 216 };
const GROUP_FRAME = { left: 6, right: 246 };
/** More different layers than this are drawn as one line each, or the diagram would run over pages. */
const FULL_LAYERS = 5;

export function drawArchitecture(architecture: Architecture): Html {
  const folds = fold(architecture.layers, (layer) => JSON.stringify(layer));
  const drawn = stacked([
    layerStrip(architecture.layers),
    word("tokens"),
    arrow(),
    box({ title: titleOf(architecture.embedding.kind), lines: optionPhrases(architecture.embedding), kind: "plain" }),
    arrow(),
    ...foldPieces(folds, countedLayers(folds) > FULL_LAYERS),
    ...(architecture.norm.kind === "none" ? [] : [pill(titleOf(architecture.norm.kind)), arrow()]),
    box({ title: titleOf(architecture.head.kind), lines: optionPhrases(architecture.head), kind: "plain" }),
    arrow(),
    word(outputOf(architecture)),
  ]);
  return html`<svg class="diagram" viewBox="0 0 ${DIAGRAM_WIDTH} ${drawn.height}" aria-hidden="true">${drawn.at(CENTER, 0)}</svg>`;
}

/** The same in words: "token embedding; 4 × (RMSNorm, Attention, add; RMSNorm, SwiGLU, add); …". */
export function describeArchitecture(architecture: Architecture): string {
  const folds = fold(architecture.layers, (layer) => JSON.stringify(layer));
  const ends = [
    titleOf(architecture.embedding.kind),
    ...folds.map(foldWords),
    titleOf(architecture.norm.kind),
    titleOf(architecture.head.kind),
  ];
  return `${counted(architecture.layers.length)}, from input to output: ${ends.join("; ")}.`;
}

/** One cell per layer in order, in the colour of its mixer: a hybrid's pattern at a glance. */
function layerStrip(layers: readonly LayerSpec[]): Piece {
  const room = DIAGRAM_WIDTH - 64;
  const step = Math.min(14, room / Math.max(1, layers.length));
  const cells = layers.map(({ mixer }, i) => {
    return html`<rect x="${(i * step).toFixed(1)}" y="3" width="${(step * 0.8).toFixed(1)}" height="9" rx="1.5" fill="var(--${familyOfMixer(mixer.kind)})"/>`;
  });
  const text = html`<text class="small quiet" x="${DIAGRAM_WIDTH}" y="11" text-anchor="end">${counted(layers.length)}</text>`;
  return { height: 26, at: (_x, y) => html`<g transform="translate(0 ${y})">${cells}${text}</g>` };
}

function foldPieces(folds: readonly Fold<LayerSpec>[], compact: boolean): Piece[] {
  return folds.flatMap((one): Piece[] => {
    const inner =
      "group" in one ? foldPieces(one.group, compact) : compact ? [compactLayer(one.item)] : layerPieces(one.item);
    const body = stacked("group" in one ? inner.slice(0, -1) : inner);
    const bare = compact && one.count === 1 && !("group" in one);
    return [bare ? body : framed(body, one.count, "group" in one ? GROUP_FRAME : LAYER_FRAME), arrow()];
  });
}

/** A frame around what is repeated, with its count to the right; groups stand out further than single layers. */
function framed(body: Piece, count: number, { left, right }: { left: number; right: number }): Piece {
  const inner = stacked([wire(10), body, wire(10)]);
  return {
    height: inner.height,
    at: (x, y) =>
      html`<rect class="frame" x="${left}" y="${y}" width="${right - left}" height="${inner.height}" rx="8"/>${inner.at(x, y)}${
        count > 1 && html`<text class="count" x="${right + 6}" y="${y + inner.height / 2 + 5}">× ${count}</text>`
      }`,
  };
}

function countedLayers(folds: readonly Fold<LayerSpec>[]): number {
  return folds.reduce((sum, one) => sum + ("group" in one ? countedLayers(one.group) : 1), 0);
}

function foldWords(one: Fold<LayerSpec>): string {
  const body = "group" in one ? one.group.map(foldWords).join("; ") : layerWords(one.item);
  return one.count > 1 ? `${one.count} × (${body})` : body;
}

function layerWords({ mixer, channel, norm, placement }: LayerSpec): string {
  const parts = [mixer, channel].filter((part) => part.kind !== "none").map((part) => titleOf(part.kind));
  return `${parts.join(" and ")}, ${placement}-norm ${titleOf(norm.kind)}`;
}

function outputOf({ objective }: Architecture): string {
  return objective.kind === "none" ? "logits" : `logits: ${titleOf(objective.kind)}`;
}

const counted = (layers: number): string => `${whole(layers)} ${layers === 1 ? "layer" : "layers"}`;
