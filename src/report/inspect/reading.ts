/** What was read, how surprising each token was, and what every layer would have answered. */
import type { Inspection, LensLayer } from "../../analysis/index.ts";
import { type Html, html, isolated, raw } from "../escape.ts";
import type { FigureFrame } from "../figures/figure.ts";
import { percent, threeDigits } from "../format.ts";
import { type ChartLine, drawChart, hues, legend } from "./chart.ts";
import { layerName, tokenText } from "./names.ts";

/** Nats at which a token is shown in full colour: one chance in 400. */
const fullNats = 6;

export function readingSection(inspection: Inspection): Html {
  const { tokens, lens } = inspection;
  return html`<section id="reading" aria-labelledby="reading-heading"><h2 id="reading-heading">What it expected</h2>
<p class="lead">${leadOf(inspection)}</p>
<p class="tokens">${tokens.map((_, t) => tokenSpan(inspection, t))}</p>
<p class="scale">expected <i></i> ${fullNats} nats or more</p>
<h3 style="margin-top:34px">Answers behind every layer</h3>
<p class="lead">${lensLead(inspection)}</p>
<div class="lens scroll" tabindex="0" role="region" aria-label="Likeliest answers by layer and token"><table>
<thead><tr><th scope="col">reads</th>${tokens.map((token) => html`<th scope="col">${tokenText(token)}</th>`)}</tr></thead>
<tbody>${lens.toReversed().map((layer) => lensRow(layer, inspection))}</tbody>
<tfoot><tr><th scope="row">target</th>${tokens.map(({ target }) => html`<td>${target ? tokenText(target) : "–"}</td>`)}</tr></tfoot>
</table></div></section>`;
}

function leadOf({ model, source }: Inspection): Html {
  if (source)
    return html`The answer, token by token, given the source “${isolated(source.map(({ text }) => text).join(""))}”: the stronger the colour, the less the model expected the token.`;
  if (model.objective === "next-token")
    return html`The text as the model read it: the stronger the colour, the less the model expected the token from what stands before it (−ln p, nats). The first has nothing before it.`;
  return html`Hidden tokens carry a colour: the stronger, the less the model expected what stood there (−ln p, nats).`;
}

const lensLead = ({ lens }: Inspection): Html =>
  html`The last norm and the head over the residual stream behind every layer (the “logit lens”): the likeliest answer, in stronger colour the more likely it is, underlined where it is right. The top row is the model's own answer; ${lens.length - 1} ${lens.length === 2 ? "layer leads" : "layers lead"} to it from the embedding at the bottom.`;

/** The colour of a token is that of the answer that it is: for next-token models, the one before it gave. */
function tokenSpan({ tokens, model }: Inspection, t: number): Html {
  const shifted = model.objective === "next-token";
  const token = tokens[t]!;
  const asked = shifted ? tokens[t - 1] : token;
  const shown = shifted ? token : (token.target ?? token);
  const text = shown.text === "" ? `#${shown.id}` : shown.text.replace(/\n/g, "↵\n");
  const nats = asked?.nats ?? null;
  if (nats === null) return html`<span class="token given">${textOf(text)}</span>`;
  const weight = Math.min(1, nats / fullNats).toFixed(2);
  return html`<span class="token" style="--w:${weight}" title="${threeDigits(nats)} nats">${textOf(text)}</span>`;
}

const textOf = (text: string): Html => {
  const lines = text.split("\n");
  return html`${lines.map((line, i) => [isolated(line), i < lines.length - 1 && raw("\n")])}`;
};

function lensRow({ path, tokens: answers }: LensLayer, { tokens }: Inspection): Html {
  const cells = answers.map(({ top }, t) => {
    const [best] = top as [(typeof top)[0]];
    const target = tokens[t]!.target;
    const right = target !== null && target.id === best.id;
    const words = top.map((one) => `${tokenText(one)} ${percent(one.prob)}`).join(", ");
    return html`<td class="cell${right ? " right" : ""}" style="--w:${best.prob.toFixed(2)}" title="${words}">${tokenText(best)}</td>`;
  });
  return html`<tr><th scope="row">${layerName(path)}</th>${cells}</tr>`;
}

/** Loss of every layer's answer, and how far it is from the last one's. */
export function lensFigure({ lens }: Inspection): FigureFrame {
  const points = (key: "loss" | "divergence") => lens.map((layer, x) => ({ x, y: layer[key] }));
  const lines: ChartLine[] = [
    { name: "loss if it answered here", color: hues[0], points: points("loss") },
    { name: "distance from the final answer (KL)", color: hues[1], dash: "5 3", points: points("divergence") },
  ];
  return {
    id: "lens-loss",
    title: "How the answer forms",
    draw: (view) =>
      drawChart(
        { lines, x: layersAxis(lens.map(({ path }) => path)), y: { label: "Nats per token", format: threeDigits } },
        view,
      ),
    alt: lens.map(({ path, loss }) => `${layerName(path)} ${threeDigits(loss)} nats`).join(", "),
    key: legend(lines),
    caption:
      "Mean over the tokens with a target, nats. A layer where both lines fall is one where the answer is found; where they are flat, layers add little for this text.",
    values: {
      head: "Stream behind",
      columns: ["Loss (nats)", "KL from the final answer (nats)"],
      rows: lens.map(({ path, loss, divergence }) => ({
        head: layerName(path),
        cells: [threeDigits(loss), threeDigits(divergence)],
      })),
    },
  };
}

/** Layers along x, named at whole numbers; every second or so where there are many. */
export function layersAxis(paths: readonly string[]) {
  const short = (i: number) =>
    layerName(paths[i] ?? "")
      .replace("layer ", "")
      .replace("embedding", "emb.")
      .replace("encoder ", "e");
  return {
    label: "Layer",
    format: short,
    ticks: (view: "wide" | "narrow") => {
      const every = Math.ceil(paths.length / (view === "wide" ? 16 : 8));
      return paths.map((_, i) => i).filter((i) => i % every === 0);
    },
  };
}
