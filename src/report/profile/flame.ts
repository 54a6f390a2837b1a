/** The step as nested boxes: passes, blocks, parts, ops; a box is as wide as what it took. */
import type { PartCost, Profile } from "../../analysis/index.ts";
import { type Html, html, raw } from "../escape.ts";
import { percent, threeDigits } from "../format.ts";
import { kernelKinds, kindOf } from "./kinds.ts";

export interface Frame {
  name: string;
  ms: number;
  color: string;
  /** Follow each other from the left; what they leave is the frame's own. */
  inside: readonly Frame[];
}

const [warm, cool, plain] = ["var(--flame-backward)", "var(--flame-forward)", "var(--panel)"];

/** Block and part of `layers.0.mixer`: layers.0, mixer; parts outside layers are blocks of themselves. */
function placeOf(path: string): { block: string; part: string } {
  const [, block, part] = /^((?:encoder\.)?layers\.\d+)\.(.+)$/.exec(path) ?? [];
  return block === undefined ? { block: path, part: path } : { block, part: part! };
}

export function frameOf({ ms, graphMs, kernelMs, parts, blocks, task }: Profile): Frame {
  const passes = (["forward", "backward"] as const).flatMap((pass) => {
    const mine = parts.filter((part) => part.pass === pass);
    if (mine.length === 0) return [];
    const color = pass === "forward" ? cool : warm;
    const inside = blocks.flatMap(({ path }) => blockFrame(path, { parts: mine, color }));
    return [{ name: pass, ms: sum(inside), color, inside }];
  });
  const outside = [
    { name: "between kernels", ms: graphMs - kernelMs, color: plain, inside: [] },
    { name: task.kind === "train" ? "optimizer, calls" : "calls", ms: ms - graphMs, color: plain, inside: [] },
  ];
  return {
    name: task.kind === "train" ? "training step" : "decoding step",
    ms,
    color: plain,
    inside: [...passes, ...outside],
  };
}

function blockFrame(block: string, { parts, color }: { parts: readonly PartCost[]; color: string }): Frame[] {
  const mine = parts.filter(({ path }) => placeOf(path).block === block);
  if (mine.length === 0) return [];
  const inside = mine.map(({ path, ms, ops }) => ({
    name: placeOf(path).part,
    ms,
    color,
    inside: ops.map(({ op, ms }) => ({ name: op, ms, color: kernelKinds[kindOf(op)].color, inside: [] })),
  }));
  const [only] = inside;
  // A part outside layers is its own block: one box, not two of the same.
  return [mine.length === 1 && only!.name === block ? only! : { name: block, ms: sum(inside), color, inside }];
}

const sum = (frames: readonly Frame[]): number => frames.reduce((total, { ms }) => total + ms, 0);

/** Narrower than this share of the step a box could not be seen. */
const least = 0.0004;

export function flameChart(profile: Profile): Html {
  const root = frameOf(profile);
  const boxes: Html[] = [];
  const draw = (frame: Frame, { start, row }: { start: number; row: number }): void => {
    const width = frame.ms / root.ms;
    if (width < least) return;
    const words = `${frame.name}: ${threeDigits(frame.ms)} ms, ${percent(width)}`;
    const place = `left:${(100 * start).toFixed(3)}%;width:${(100 * width).toFixed(3)}%;top:${row * 26}px;--c:${frame.color}`;
    boxes.push(
      html`<span class="box${width > 0.02 ? " named" : ""}" style="${raw(place)}" title="${words}">${width > 0.02 ? frame.name : ""}</span>`,
    );
    let left = start;
    for (const inner of frame.inside) {
      draw(inner, { start: left, row: row + 1 });
      left += inner.ms / root.ms;
    }
  };
  draw(root, { start: 0, row: 0 });
  return html`<div class="flame scroll" tabindex="0" role="img" aria-label="${altOf(root)}"><div class="boxes">${boxes}</div></div>
<ul class="legend">${Object.values(kernelKinds).map(({ title, color }) => html`<li><i style="background:${raw(color)}"></i>${title}</li>`)}</ul>`;
}

const altOf = ({ inside, ms }: Frame): string =>
  inside.map((frame) => `${frame.name} ${percent(frame.ms / ms)}`).join(", ");
