/** One layer of a diagram: norm, mixer or channel mixer, and the residual path around them. */
import { type Html, html } from "../escape.ts";
import { colorOf, familyOfMixer } from "../families.ts";
import type { LayerSpec, PartSpec } from "./architecture.ts";
import { arrow, BOX_WIDTH, box, type Piece, pill, stacked, wire } from "./pieces.ts";
import { optionPhrases, titleOf } from "./wording.ts";

const BYPASS = BOX_WIDTH / 2 + 11;
const SUM = 8;

export function layerPieces(layer: LayerSpec): Piece[] {
  const blocks = [mixerBox(layer), ...(layer.channel.kind === "none" ? [] : [channelBox(layer.channel)])];
  return blocks.map((block) => sublayer(block, layer));
}

/** A whole layer as one box, for stacks of many different layers. */
export function compactLayer({ mixer, channel }: LayerSpec): Piece {
  const title = channel.kind === "none" ? titleOf(mixer.kind) : `${titleOf(mixer.kind)} + ${titleOf(channel.kind)}`;
  return box({ title, lines: [], kind: "mixer", color: colorOf(familyOfMixer(mixer.kind)) });
}

function mixerBox({ mixer }: LayerSpec): Piece {
  return box({
    title: titleOf(mixer.kind),
    lines: optionPhrases(mixer),
    kind: "mixer",
    color: colorOf(familyOfMixer(mixer.kind)),
  });
}

function channelBox(channel: PartSpec): Piece {
  return box({ title: titleOf(channel.kind), lines: optionPhrases(channel), kind: "channel" });
}

/** Pre-norm: x + f(norm(x)); post-norm: norm(x + f(x)). */
function sublayer(block: Piece, { norm, placement, residual }: LayerSpec): Piece {
  const normed = norm.kind === "none" ? [] : [pill(titleOf(norm.kind))];
  const before = placement === "pre" && normed.length > 0 ? [...normed, arrow(12)] : [];
  const after = placement === "post" && normed.length > 0 ? [arrow(12), ...normed] : [];
  const inner = stacked([...before, block]);
  const body = residual.kind === "none" ? stacked([wire(8), inner]) : bypassed(inner, residual.kind);
  return stacked([body, ...after, wire(6)]);
}

/** The residual path: leaves above the block, joins below it at a circled plus; schemes other than addition are named. */
function bypassed(inner: Piece, kind: string): Piece {
  const enter = 10;
  const leave = enter + inner.height;
  const sum = leave + 12 + SUM;
  return {
    height: sum + SUM,
    at: (x, y) =>
      html`${wire(enter).at(x, y)}
<path class="wire" d="M${x} ${y + 2}H${x - BYPASS + 6}q-6 0-6 6V${y + sum - 6}q0 6 6 6H${x - SUM}"/>
${inner.at(x, y + enter)}${arrow(12).at(x, y + leave)}${plus(x, y + sum)}
${kind !== "add" && html`<text class="small quiet" x="${x + SUM + 5}" y="${y + sum + 4}" text-anchor="start">${titleOf(kind)}</text>`}`,
  };
}

function plus(x: number, y: number): Html {
  return html`<circle class="sum" cx="${x}" cy="${y}" r="${SUM}"/><path class="wire" d="M${x - 4} ${y}H${x + 4}M${x} ${y - 4}V${y + 4}"/>`;
}
