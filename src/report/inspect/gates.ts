/** Gates and activations at the ends of their ranges. */
import type { GateSummary, Inspection } from "../../analysis/index.ts";
import { type Html, html } from "../escape.ts";
import { percent, whole } from "../format.ts";

export function gatesSection({ gates }: Inspection): Html | false {
  if (gates.length === 0) return false;
  return html`<section id="gates" aria-labelledby="gates-heading"><h2 id="gates-heading">Saturation</h2>
<p class="lead">Every gate and activation function, as the share of its values in the lowest 5 % of its range (closed, from the left) and in the highest 5 % (open, from the right); what is at an end passes next to no gradient on. The range is σ for sigmoid and SiLU, Φ for GELU, −1 to 1 for tanh; a ReLU is closed where it gives 0. Stuck: units that are at the same end for every token of this text.</p>
<table class="bars"><thead><tr><th scope="col">Tensor</th><th scope="col" class="track">Closed · open</th><td>Closed</td><td>Open</td><td>Stuck</td></tr></thead>
<tbody>${gates.map(gateRow)}</tbody></table></section>`;
}

function gateRow({ path, op, size, closed, open, stuck }: GateSummary): Html {
  const bar = html`<span class="bar"><i class="closed" style="width:${(100 * closed).toFixed(1)}%"></i><i class="open" style="width:${(100 * open).toFixed(1)}%"></i></span>`;
  return html`<tr title="${whole(size)} values"><th scope="row">${path}</th><td class="track">${bar}</td><td>${percent(closed)}</td><td>${op === "relu" ? "–" : percent(open)}</td><td>${percent(stuck)}</td></tr>`;
}
