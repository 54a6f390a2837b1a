/** Every spec as a diagram, with the key to the colours. */

import { readArchitecture } from "../diagram/architecture.ts";
import { describeArchitecture, drawArchitecture } from "../diagram/draw.ts";
import { type Html, html, isolated, raw } from "../escape.ts";
import { colorOf, FAMILIES, type Family, familyOfMixer } from "../families.ts";
import { whole } from "../format.ts";
import { namedSwatch, type Series } from "../series.ts";

export function architectures(series: readonly Series[]): Html {
  return html`<section id="architectures" aria-labelledby="architectures-title">
<h2 id="architectures-title">Architectures</h2>
<p class="lead">Each column reads from input to output: a layer is a token mixer (coloured) and a channel mixer (grey), each with its norm and its residual path.
“×\u00a04” means four equal layers. The strip above shows all layers in order.
${series.some((one) => one.result.canonical.encoder !== undefined) && "An encoder that reads the source stands above the decoder; its output runs down on the right to the parts that read it (dashed)."}</p>
${familyKey(series)}
<div class="architectures">${series.map(card)}</div>
</section>`;
}

/** Families that occur, in the fixed order of the palette; hybrid lines have a colour too. */
function familyKey(series: readonly Series[]): Html {
  const layers = series.flatMap((one) => {
    const { layers, encoder } = readArchitecture(one.result.canonical);
    return [...layers, ...(encoder?.layers ?? [])];
  });
  const present = new Set<Family>([
    ...layers.map((layer) => familyOfMixer(layer.mixer.kind)),
    ...series.map((one) => one.family),
  ]);
  const entries = (Object.keys(FAMILIES) as Family[])
    .filter((family) => present.has(family))
    .map((family) => {
      const title = family === "hybrid" ? "lines of hybrids" : FAMILIES[family].title;
      return html`<li><span class="chip" style="background:${raw(colorOf(family))}"></span>${title}</li>`;
    });
  return html`<ul class="families" aria-label="Colours of mixer families">${entries}</ul>`;
}

function card(series: Series): Html {
  const { canonical, params, title } = series.result;
  const architecture = readArchitecture(canonical);
  const width = architecture.width !== null && `width ${whole(architecture.width)}, `;
  return html`<article class="architecture"><h3>${namedSwatch(series)}</h3>
<p class="note">${isolated(title)}<br>${width}${whole(params)} parameters</p>
<div role="img" aria-label="${series.name}: ${describeArchitecture(architecture)}">${drawArchitecture(architecture)}</div></article>`;
}
