/** Draws a spec as a column of boxes, from the embedding at the top to the head at the bottom, equal layers folded. */
import { type Html, html } from "../escape.ts";
import { familyOfMixer } from "../families.ts";
import { textWidth } from "../figures/text-width.ts";
import { whole } from "../format.ts";
import type { Architecture, EncoderSpec, LayerSpec, PartSpec } from "./architecture.ts";
import { type Fold, fold } from "./fold.ts";
import { compactLayer, layerPieces } from "./layer.ts";
import { arrow, BOX_WIDTH, box, gap, type Piece, pill, stacked, tapsOf, wire, word } from "./pieces.ts";
import { optionPhrases, titleOf } from "./wording.ts";

const DIAGRAM_WIDTH = 276;
const CENTER = 116;
/** Left and right edges of the frames; a group leaves room for the counts of the layers in it. */
const LAYER_FRAME = { left: 16, right: 216 };
const GROUP_FRAME = { left: 6, right: 246 };
/** Where the encoder's output runs down beside the decoder. */
const RAIL = 264;
const MEMORY_GAP = 18;
/** More different layers than this are drawn as one line each, or the diagram would run over pages. */
const FULL_LAYERS = 5;

export function drawArchitecture(architecture: Architecture): Html {
  const { encoder, layers, embedding, norm, head } = architecture;
  const reading = encoder && encoderColumn(encoder);
  const writing = stacked([
    layerStrip(layers, encoder ? RAIL - 6 : DIAGRAM_WIDTH),
    word(encoder ? "answer so far" : "tokens"),
    arrow(),
    embeddingBox(embedding),
    arrow(),
    ...stackPieces(layers, { bridged: encoder?.bridged === true }),
    ...(norm.kind === "none" ? [] : [pill(titleOf(norm.kind)), arrow()]),
    box({ title: titleOf(head.kind), lines: optionPhrases(head), kind: "plain" }),
    arrow(),
    word(outputOf(architecture)),
  ]);
  const top = reading?.height ?? 0;
  return html`<svg class="diagram" viewBox="0 0 ${DIAGRAM_WIDTH} ${top + writing.height}" aria-hidden="true">${reading?.at(CENTER, 0)}${writing.at(CENTER, top)}${
    encoder && memoryRail(top, { taps: tapsOf(writing, top), word: handedOn(encoder) })
  }</svg>`;
}

/** The stack that reads; what it hands on stands at its end. */
function encoderColumn(encoder: EncoderSpec): Piece {
  const { embedding, layers, norm } = encoder;
  return stacked([
    layerStrip(layers),
    word("source"),
    arrow(),
    embeddingBox(embedding),
    arrow(),
    ...stackPieces(layers),
    ...(norm.kind === "none" ? [] : [pill(titleOf(norm.kind)), arrow()]),
    word(handedOn(encoder)),
    gap(MEMORY_GAP),
  ]);
}

const handedOn = ({ bridged }: EncoderSpec): string => (bridged ? "memory and final states" : "memory");

/** From the encoder's end along the right edge to every box that reads it. */
function memoryRail(top: number, { taps, word }: { taps: readonly number[]; word: string }): Html {
  const start = top - MEMORY_GAP - 4;
  const entries = taps.map((tap) => {
    const edge = CENTER + BOX_WIDTH / 2;
    return html`<path class="wire" d="M${RAIL} ${tap}H${edge}"/><path class="tip" d="M${edge + 6} ${tap - 3.2}L${edge} ${tap}L${edge + 6} ${tap + 3.2}Z"/>`;
  });
  const end = Math.max(start, ...taps);
  return html`<g class="memory"><path class="wire" d="M${(CENTER + textWidth(word, 12) / 2 + 8).toFixed(1)} ${start - 1}H${RAIL - 6}q6 0 6 6V${end}"/>${entries}</g>`;
}

const embeddingBox = (embedding: PartSpec): Piece =>
  box({ title: titleOf(embedding.kind), lines: optionPhrases(embedding), kind: "plain" });

/** The layers, equal ones folded; layers of one set of weights count as equal only among themselves. */
const foldedLayers = (layers: readonly LayerSpec[]): Fold<LayerSpec>[] =>
  fold(layers, (layer) => JSON.stringify(layer));

function stackPieces(layers: readonly LayerSpec[], { bridged = false } = {}): Piece[] {
  const folds = foldedLayers(layers);
  return foldPieces(folds, { compact: countedLayers(folds) > FULL_LAYERS, bridged });
}

/** The same in words: "token embedding; 4 × (RMSNorm, Attention, add; RMSNorm, SwiGLU, add); …". */
export function describeArchitecture({ encoder, layers, embedding, norm, head }: Architecture): string {
  const words = (ends: readonly string[]) => ends.join("; ");
  const body = (all: readonly LayerSpec[]) => foldedLayers(all).map(foldWords);
  const source = encoder
    ? `An encoder of ${counted(encoder.layers.length)}${encoder.bridged ? ", whose final states start the decoder's" : ""}: ${words([titleOf(encoder.embedding.kind), ...body(encoder.layers), titleOf(encoder.norm.kind)])}. `
    : "";
  const ends = [titleOf(embedding.kind), ...body(layers), titleOf(norm.kind), titleOf(head.kind)];
  return `${source}${counted(layers.length)}, from input to output: ${words(ends)}.`;
}

/** One cell per layer in order, in the colour of its mixer: a hybrid's pattern at a glance. */
function layerStrip(layers: readonly LayerSpec[], right = DIAGRAM_WIDTH): Piece {
  const room = DIAGRAM_WIDTH - 64;
  const step = Math.min(14, room / Math.max(1, layers.length));
  const cells = layers.map(({ mixer }, i) => {
    return html`<rect x="${(i * step).toFixed(1)}" y="3" width="${(step * 0.8).toFixed(1)}" height="9" rx="1.5" fill="var(--${familyOfMixer(mixer.kind)})"/>`;
  });
  const text = html`<text class="small quiet" x="${right}" y="11" text-anchor="end">${counted(layers.length)}</text>`;
  return { height: 26, at: (_x, y) => html`<g transform="translate(0 ${y})">${cells}${text}</g>` };
}

interface Stacking {
  /** Whether layers are drawn as one line each. */
  compact: boolean;
  bridged: boolean;
}

function foldPieces(folds: readonly Fold<LayerSpec>[], stacking: Stacking): Piece[] {
  return folds.flatMap((one): Piece[] => {
    const body = "group" in one ? stacked(foldPieces(one.group, stacking).slice(0, -1)) : layerBody(one.item, stacking);
    const bare = stacking.compact && one.count === 1 && !("group" in one);
    if (bare) return [body, arrow()];
    const note = one.count > 1 && isShared(one) ? [word(`one set of weights, ${one.count} times`), arrow(10)] : [];
    return [...note, framed(body, one.count, "group" in one ? GROUP_FRAME : LAYER_FRAME), arrow()];
  });
}

const layerBody = (layer: LayerSpec, { compact, bridged }: Stacking): Piece =>
  compact ? compactLayer(layer) : stacked(layerPieces(layer, { bridged }));

const isShared = (one: Fold<LayerSpec>): boolean =>
  "group" in one ? one.group.every(isShared) : one.item.shared !== undefined;

/** A frame around what is repeated, with its count to the right; groups stand out further than single layers. */
function framed(body: Piece, count: number, { left, right }: { left: number; right: number }): Piece {
  const inner = stacked([wire(10), body, wire(10)]);
  // What enters from the right does so in the middle.
  const place = inner.taps?.length ? 20 : inner.height / 2 + 5;
  return {
    height: inner.height,
    taps: inner.taps ?? [],
    at: (x, y) =>
      html`<rect class="frame" x="${left}" y="${y}" width="${right - left}" height="${inner.height}" rx="8"/>${inner.at(x, y)}${
        count > 1 && html`<text class="count" x="${right + 6}" y="${y + place}">× ${count}</text>`
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

function layerWords({ sublayers, wiring, shared }: LayerSpec): string {
  const parts = sublayers.map(({ part }) => titleOf(part.kind));
  const joined = wiring === "serial" ? parts.join(" and ") : `${parts.join(" beside ")}`;
  const norms = [...new Set(sublayers.map(({ placement, norm }) => `${placement}-norm ${titleOf(norm.kind)}`))];
  return `${[joined, ...norms].join(", ")}${shared === undefined ? "" : ", shared weights"}`;
}

function outputOf({ objective }: Architecture): string {
  return objective.kind === "none" ? "logits" : `logits: ${titleOf(objective.kind)}`;
}

const counted = (layers: number): string => `${whole(layers)} ${layers === 1 ? "layer" : "layers"}`;
