/** The page of an inspection: one HTML file without scripts, fonts or anything else from outside. */
import type { Inspection } from "../../analysis/index.ts";
import { renderDocument } from "../document.ts";
import { type Html, html, isolated, visibleLine } from "../escape.ts";
import { renderFrame } from "../figures/figure.ts";
import { counted, percent, threeDigits, whole } from "../format.ts";
import { alignmentSection, attentionSection, entropyFigure, spread } from "./attention.ts";
import { gradientFigure, streamFigure } from "./flow.ts";
import { gatesSection } from "./gates.ts";
import { historySection, type TrainingHistory } from "./history.ts";
import { layerName } from "./names.ts";
import { lensFigure, readingSection } from "./reading.ts";
import { statesSection } from "./states.ts";
import { INSPECT_STYLE } from "./style.ts";

export interface InspectedRun {
  /** Name of the run. */
  run: string;
  /** Which of its weights, in words, such as "step 500". */
  weights: string;
  inspection: Inspection;
  history?: TrainingHistory;
  /** What the reader should know, such as that the text was cut. */
  notes: readonly string[];
  seqlab: string;
}

/** Equal input gives equal bytes. */
export function renderInspection(inspected: InspectedRun): string {
  const { inspection, history, seqlab, run } = inspected;
  const figures = [
    lensFigure(inspection),
    entropyFigure(inspection),
    gradientFigure(inspection),
    streamFigure(inspection),
  ];
  const body = html`<a class="skip" href="#reading">To the text</a>
<div class="page">
${header(inspected)}
<main>
${readingSection(inspection)}
<section id="layers" aria-labelledby="layers-heading"><h2 id="layers-heading">Layer by layer</h2><div class="figures">${figures.map((figure) => figure && renderFrame(figure))}</div></section>
${alignmentSection(inspection)}
${attentionSection(inspection)}
${statesSection(inspection)}
${gatesSection(inspection)}
${historySection(history)}
</main>
<footer>Made by seqlab ${seqlab}. Everything is of one text: another text gives other numbers. The same values as JSON: seqlab inspect ${isolated(run)} --json.</footer>
</div>`;
  return renderDocument({ title: `Inside ${visibleLine(run)}`, models: 0, style: INSPECT_STYLE, body }).html;
}

function header({ run, weights, inspection, notes }: InspectedRun): Html {
  const { model, tokens, source } = inspection;
  const read = source
    ? `${counted(source.length, "source token")} and ${counted(tokens.length, "token")}`
    : counted(tokens.length, "token");
  return html`<header class="masthead">
<p class="eyebrow">seqlab inspect</p>
<h1>Inside ${isolated(run)}</h1>
<p class="dek">${isolated(model.title)}: ${whole(model.parameters)} parameters, weights of ${weights}, reading ${read}.</p>
${notes.map((note) => html`<p class="caveat" role="note">${note}</p>`)}
${tiles(inspection)}
</header>`;
}

function tiles(inspection: Inspection): Html {
  const { loss, lens, gradients, attention, streams } = inspection;
  const heads = attention.flatMap(({ path, heads }) => heads.map((head, h) => ({ path, h, share: spread(head) })));
  const focused = heads.toSorted((a, b) => a.share - b.share)[0];
  const [first, last] = [gradients.layers[0], gradients.layers.at(-1)];
  const massive = streams.toSorted((a, b) => b.largest.value / b.median - a.largest.value / a.median)[0]!;
  return html`<dl class="tiles">
${tile("Loss on this text", `${threeDigits(loss)} nats`, `perplexity ${threeDigits(Math.exp(loss))} per token`)}
${tile("Answer settles", settles(lens), "where half of the likeliest answers are the final ones")}
${first && last && tile("Gradient, first / last layer", threeDigits(first.norm / last.norm), `norms ${threeDigits(first.norm)} and ${threeDigits(last.norm)}`)}
${
  focused
    ? tile(
        "Most focused head",
        percent(focused.share),
        `of uniform entropy: ${layerName(focused.path)}, head ${focused.h}`,
      )
    : tile(
        "Largest activation",
        threeDigits(massive.largest.value / massive.median),
        `times the median, ${layerName(massive.path)}`,
      )
}
</dl>`;
}

/** The first stream from which on at least half of the likeliest answers are the model's. */
function settles(lens: Inspection["lens"]): string {
  const last = lens.at(-1)!;
  const share = ({ tokens }: (typeof lens)[number]) =>
    tokens.filter(({ top }, t) => top[0]!.id === last.tokens[t]!.top[0]!.id).length / tokens.length;
  const from = lens.findLastIndex((layer) => share(layer) < 0.5) + 1;
  return layerName(lens[from]!.path);
}

const tile = (label: string, value: string, words: string): Html =>
  html`<div class="tile"><dt>${label}</dt><dd><span class="tile-value">${value}</span>${words}</dd></div>`;
