/** The page of a profile: one HTML file without scripts, fonts or anything else from outside. */
import type { BlockCost, Cost, KernelCost, Profile } from "../../analysis/index.ts";
import { renderDocument } from "../document.ts";
import { type Html, html, isolated, raw, visibleLine } from "../escape.ts";
import { bytes, percent, shortCount, threeDigits, whole } from "../format.ts";
import { flameChart } from "./flame.ts";
import { kernelKinds, kindOf } from "./kinds.ts";
import { PROFILE_STYLE } from "./style.ts";

export interface ProfiledModel {
  profile: Profile;
  /** What it was measured on, in words. */
  machine: string;
  seqlab: string;
}

/** Equal input gives equal bytes. */
export function renderProfile({ profile, machine, seqlab }: ProfiledModel): string {
  const { name } = profile.model;
  const body = html`<a class="skip" href="#flame">To the chart</a>
<div class="page">
${header(profile, machine)}
<main>
<section id="flame" aria-labelledby="flame-heading"><h2 id="flame-heading">Where the time goes</h2>
<p class="lead">The fastest of ${profile.stepMs.n} steps: every box is as wide as what it took, and lies above what it is made of, down to the ops of each part, costliest first. Pointing at a box tells its time.</p>
${flameChart(profile)}</section>
${blocksSection(profile)}
${opsSection(profile)}
${kernelsSection(profile)}
</main>
<footer>Made by seqlab ${seqlab} from ONNX Runtime's own profile, whose recording slows every kernel a little: steps without it are faster. Bytes are what kernels read and wrote, caches not considered.</footer>
</div>`;
  return renderDocument({ title: `Profile of ${visibleLine(name)}`, models: 0, style: PROFILE_STYLE, body }).html;
}

/** "a training step on 8 × 256 tokens". */
export const taskText = ({ task: { kind, batch, length } }: Profile): string =>
  kind === "train"
    ? `a training step on ${batch} × ${length} tokens`
    : `decoding ${batch === 1 ? "a token" : `${batch} tokens`} behind ${length}`;

function header(profile: Profile, machine: string): Html {
  const { model, threads, ms, stepMs, products, peak, kernelMs, task } = profile;
  const rate = (task.kind === "train" ? task.batch * task.length : task.batch) / (ms / 1e3);
  return html`<header class="masthead">
<p class="eyebrow">seqlab profile</p>
<h1>${isolated(model.name)}</h1>
<p class="dek">${isolated(model.title)}, ${whole(model.parameters)} parameters: ${taskText(profile)}, ${threads} ${threads === 1 ? "thread" : "threads"} of ${isolated(machine)}.</p>
<dl class="tiles">
${tile("Fastest step", `${threeDigits(ms)} ms`, `${whole(rate)} tokens/s; mean ${threeDigits(stepMs.mean)} ± ${threeDigits(stepMs.spread)} ms`)}
${tile("In kernels", percent(kernelMs / ms), "the rest: optimizer, the engine's own, calls")}
${tile("Matrix products", percent(products.share), `${shortCount(products.flops)} FLOPs at ${threeDigits(products.gflops ?? 0)} GFLOP/s`)}
${tile("Of the matmul peak", percent(products.shareOfPeak), `${threeDigits(peak.gflops)} GFLOP/s: the fastest of large products, ${peak.size} × ${peak.size}, same process`)}
</dl>
</header>`;
}

const tile = (label: string, value: string, words: string): Html =>
  html`<div class="tile"><dt>${label}</dt><dd><span class="tile-value">${value}</span>${words}</dd></div>`;

const rateText = ({ gflops }: Cost): string => (gflops === null ? "–" : threeDigits(gflops));

function blocksSection({ blocks, ms, task }: Profile): Html {
  const widest = Math.max(...blocks.map((block) => block.ms));
  const row = (block: BlockCost) => {
    const part = (value: number) => `width:${((100 * value) / widest).toFixed(2)}%`;
    return html`<tr><th scope="row">${block.path}</th><td class="track"><span class="bar"><i style="${part(block.forwardMs)};background:${raw(kernelKinds.product.color)}"></i><i style="${part(block.backwardMs)};background:${raw(kernelKinds.elementwise.color)}"></i></span></td>
<td>${threeDigits(block.forwardMs)}</td><td>${task.kind === "train" ? threeDigits(block.backwardMs) : "–"}</td><td>${percent(block.ms / ms)}</td><td class="wide">${bytes(block.bytes)}</td><td class="wide">${shortCount(block.flops)}</td><td class="wide">${rateText(block)}</td></tr>`;
  };
  return html`<section id="blocks" aria-labelledby="blocks-heading"><h2 id="blocks-heading">Block by block</h2>
<p class="lead">Forward (indigo) and backward (orange) milliseconds of each layer and of the parts outside layers, in the order of the stack; their share of the step; what their kernels read and wrote; FLOPs of their products and the rate at which those ran.</p>
<table class="costs"><thead><tr><th scope="col">Block</th><th scope="col" class="track"></th><th scope="col">Forward, ms</th><th scope="col">Backward, ms</th><th scope="col">Share</th><th scope="col" class="wide">Bytes</th><th scope="col" class="wide">FLOPs</th><th scope="col" class="wide">GFLOP/s</th></tr></thead><tbody>${blocks.map(row)}</tbody></table></section>`;
}

function opsSection({ ops }: Profile): Html {
  const widest = Math.max(...ops.map((op) => op.ms));
  const row = (cost: Profile["ops"][number]) =>
    html`<tr><th scope="row">${cost.op}</th><td class="track"><span class="bar"><i style="width:${((100 * cost.ms) / widest).toFixed(2)}%;background:${raw(kernelKinds[kindOf(cost.op)].color)}"></i></span></td>
<td>${threeDigits(cost.ms)}</td><td>${percent(cost.share)}</td><td class="wide">${whole(cost.calls)}</td><td class="wide">${bytes(cost.bytes)}</td><td class="wide">${threeDigits(cost.bytes / cost.ms / 1e6)}</td><td class="wide">${rateText(cost)}</td></tr>`;
  return html`<section id="ops" aria-labelledby="ops-heading"><h2 id="ops-heading">Op by op</h2>
<p class="lead">All kernels of one ONNX op together, costliest first. A scan's time is its own; the ops of its body count under their names.</p>
<table class="costs"><thead><tr><th scope="col">Op</th><th scope="col" class="track"></th><th scope="col">ms</th><th scope="col">Share</th><th scope="col" class="wide">Kernels</th><th scope="col" class="wide">Bytes</th><th scope="col" class="wide">GB/s</th><th scope="col" class="wide">GFLOP/s</th></tr></thead><tbody>${ops.slice(0, 20).map(row)}</tbody></table></section>`;
}

/** Single nodes, the costliest. */
function kernelsSection({ kernels, peak }: Profile): Html {
  const shapes = (list: KernelCost["inputs"]) => list.map((shape) => shape.join("×") || "1").join(", ");
  const row = (kernel: KernelCost) =>
    html`<tr><th scope="row">${kernel.path || "other"}<span class="note">${kernel.op}${kernel.pass === "backward" && ", backward"}</span></th><td class="shapes">${shapes(kernel.inputs)} → ${shapes(kernel.outputs)}</td><td>${threeDigits(kernel.ms)}</td><td>${percent(kernel.share)}</td><td>${whole(kernel.calls)}</td><td>${bytes(kernel.bytes)}</td><td>${rateText(kernel)}</td><td>${kernel.gflops === null ? "–" : percent(kernel.gflops / peak.gflops)}</td></tr>`;
  return html`<section id="kernels" aria-labelledby="kernels-heading"><h2 id="kernels-heading">Costliest kernels</h2>
<p class="lead">Single nodes of the executed graph, with the shapes they work on; products with the rate they reached and its share of the measured peak.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Costliest kernels"><table class="costs kernels"><thead><tr><th scope="col">Part</th><th scope="col">Shapes</th><th scope="col">ms</th><th scope="col">Share</th><th scope="col">Runs</th><th scope="col">Bytes</th><th scope="col">GFLOP/s</th><th scope="col">Of peak</th></tr></thead><tbody>${kernels.slice(0, 25).map(row)}</tbody></table></div></section>`;
}
