/** One layer of a diagram: norms, mixers or channel mixers, and the residual paths around them. */
import { type Html, html } from "../escape.ts";
import { colorOf, familyOfMixer } from "../families.ts";
import type { LayerSpec, SublayerSpec } from "./architecture.ts";
import { abreast, arrow, BOX_WIDTH, box, type Piece, pill, stacked, tapped, tapsOf, wire } from "./pieces.ts";
import { optionPhrases, titleOf } from "./wording.ts";

const BYPASS = BOX_WIDTH / 2 + 11;
const SUM = 8;

/** `bridged`: whether the token mixers start from the states of another stack. */
export function layerPieces(layer: LayerSpec, { bridged = false } = {}): Piece[] {
  const boxOf = (sublayer: SublayerSpec, width?: number) => partBox(sublayer, { layer, bridged, width });
  const [first] = layer.sublayers;
  if (layer.wiring === "serial" || first === undefined) return layer.sublayers.map((one) => sublayer(boxOf(one), one));
  const pitch = (BOX_WIDTH + 6) / layer.sublayers.length;
  const own = layer.wiring === "parallel-norms";
  const branches = layer.sublayers.map((one) => {
    const block = boxOf(one, pitch - 6);
    return own ? stacked([...normPill(one, "input", pitch - 6), block, ...normPill(one, "output", pitch - 6)]) : block;
  });
  return [
    sublayer(abreast(branches, pitch), own ? { ...first, sites: first.sites.filter((at) => at === "sum") } : first),
  ];
}

/** A whole layer as one box, for stacks of many different layers. */
export function compactLayer({ mixer, sublayers }: LayerSpec): Piece {
  const title = sublayers.map(({ part }) => titleOf(part.kind)).join(" + ");
  const drawn = box({ title, lines: [], kind: "mixer", color: colorOf(familyOfMixer(mixer.kind)) });
  return sublayers.some(({ role }) => role === "cross") ? tapped(drawn) : drawn;
}

interface BoxPlace {
  layer: LayerSpec;
  bridged: boolean;
  width: number | undefined;
}

function partBox({ role, part }: SublayerSpec, { layer, bridged, width }: BoxPlace): Piece {
  const look = { title: titleOf(part.kind), lines: optionPhrases(part), kind: role, ...(width && { width }) };
  if (role === "channel") return box(look);
  if (role === "cross") return tapped(box({ ...look, color: colorOf("attention") }));
  const drawn = box({ ...look, color: colorOf(familyOfMixer(layer.mixer.kind)) });
  return bridged ? tapped(drawn) : drawn;
}

type Site = SublayerSpec["sites"][number];

function normPill({ norm, sites }: SublayerSpec, site: Site, width?: number): Piece[] {
  if (norm.kind === "none" || !sites.includes(site)) return [];
  const drawn = pill(titleOf(norm.kind), width);
  return site === "input" ? [drawn, arrow(12)] : [arrow(12), drawn];
}

/** pre: x + f(norm(x)); post: norm(x + f(x)); peri: x + norm(f(norm(x))); res-post: x + norm(f(x)). */
function sublayer(block: Piece, { residual, ...one }: SublayerSpec): Piece {
  const at = (site: Site) => normPill({ residual, ...one }, site);
  const inner = stacked([...at("input"), block, ...at("output")]);
  const body = residual.kind === "none" ? stacked([wire(8), inner]) : bypassed(inner, residual.kind);
  return stacked([body, ...at("sum"), wire(6)]);
}

/** The residual path: leaves above the block, joins below it at a circled plus; schemes other than addition are named. */
function bypassed(inner: Piece, kind: string): Piece {
  const enter = 10;
  const leave = enter + inner.height;
  const sum = leave + 12 + SUM;
  return {
    height: sum + SUM,
    taps: tapsOf(inner, enter),
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
