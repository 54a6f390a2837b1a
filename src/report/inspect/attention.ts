/** Attention maps, head by head, and how spread they are. */
import type { AttentionMap, HeadSummary, Inspection } from "../../analysis/index.ts";
import { type Html, html } from "../escape.ts";
import type { FigureFrame } from "../figures/figure.ts";
import { decimals3, percent } from "../format.ts";
import { type ChartLine, drawChart, hues, legend } from "./chart.ts";
import { heatThumbnail, labelledHeat } from "./heat.ts";
import { layerName, tokenText } from "./names.ts";

export function attentionSection(inspection: Inspection): Html | false {
  const { attention } = inspection;
  if (attention.length === 0) return false;
  return html`<section id="attention" class="maps" aria-labelledby="attention-heading"><h2 id="attention-heading">Attention</h2>
<p class="lead">A map per head: rows are the tokens that read, from the first at the top, columns the tokens that are read; the stronger the colour, the more weight (by its square root, so that weak weights show). Open a map to see the tokens. The number is the entropy as a share of the most it could be: 0 % looks at one token, 100 % at all alike.</p>
${attention.map((map, index) => mapsOf(map, { index, inspection }))}</section>`;
}

function mapsOf(map: AttentionMap, { index, inspection }: { index: number; inspection: Inspection }): Html {
  const texts = {
    tokens: inspection.tokens.map((token) => tokenText(token)),
    source: (inspection.source ?? []).map((token) => tokenText(token)),
  };
  const S = map.weights[0]?.[0]?.length ?? 0;
  const columns = S === texts[map.keys].length ? texts[map.keys] : Array.from({ length: S }, (_, s) => String(s));
  const heads = map.heads.map((head, h) => {
    const id = `map-${index}-${h}`;
    const alt = `Head ${h} of ${layerName(map.path)}: ${describe(head)}`;
    return html`<details class="head"><summary>${heatThumbnail(map.weights[h]!, { id, alt })}
<span class="head-facts"><b>head ${h}</b> · ${percent(spread(head))}${habit(head)}</span></summary>
${labelledHeat({ cells: { use: id }, rows: texts[map.queries], columns, alt })}
<p class="note">${describe(head)}.</p></details>`;
  });
  return html`<h3>${titleOf(map)}<span class="note">${map.path.replace(".weights_BHTS", "")}</span></h3><div class="heads">${heads}</div>`;
}

function titleOf({ path, queries, keys }: AttentionMap): string {
  const name = layerName(path);
  if (queries !== keys) return `${name[0]!.toUpperCase()}${name.slice(1)}, reading the source`;
  return `${name[0]!.toUpperCase()}${name.slice(1)}`;
}

/** Entropy as a share of the most that it could be. */
export const spread = ({ entropy, uniform }: HeadSummary): number => (uniform === 0 ? 0 : entropy / uniform);

/** What a head mostly does, where one key has more than half of the weight. */
function habit({ self, previous, first }: HeadSummary): string {
  const [name, weight] = [
    ["itself", self],
    ["the token before", previous],
    ["the first token", first],
  ].reduce((a, b) => (Number(b[1] ?? 0) > Number(a[1] ?? 0) ? b : a)) as [string, number | null];
  return weight !== null && weight > 0.5 ? ` · ${name}` : "";
}

function describe(head: HeadSummary): string {
  const { entropy, uniform, largest, saturated, self, previous, first } = head;
  const place = (name: string, weight: number | null) => (weight === null ? [] : [`${percent(weight)} on ${name}`]);
  return [
    `entropy ${decimals3(entropy)} of at most ${decimals3(uniform)} nats`,
    `largest weight ${decimals3(largest)} on average`,
    ...(saturated === null ? [] : [`above 0.9 for ${percent(saturated)} of the tokens`]),
    ...place("itself", self),
    ...place("the token before", previous),
    ...place("the first token", first),
  ].join(", ");
}

function entropyLines(attention: Inspection["attention"]): ChartLine[] {
  const kinds = [
    ["its own sequence", hues[0], ({ queries, keys }: AttentionMap) => queries === keys],
    ["the source", hues[1], ({ queries, keys }: AttentionMap) => queries !== keys],
  ] as const;
  return kinds.flatMap(([name, color, mine]): ChartLine[] => {
    const points = attention.flatMap((map, x) =>
      mine(map) ? map.heads.map((head) => ({ x, y: 100 * spread(head) })) : [],
    );
    return points.length === 0 ? [] : [{ name: `a head reading ${name}`, color, points, apart: true }];
  });
}

/** A dot per head. */
export function entropyFigure({ attention }: Inspection): FigureFrame | false {
  if (attention.length === 0) return false;
  const lines = entropyLines(attention);
  const names = attention.map(({ path }) => layerName(path).replace("layer ", "").replace("encoder ", "e"));
  return {
    id: "entropies",
    title: "How spread attention is",
    draw: (view) =>
      drawChart(
        {
          lines,
          x: { label: "Layer", format: (i) => names[i] ?? "", ticks: () => names.map((_, i) => i) },
          y: { label: "Entropy (% of uniform)", format: (value) => String(value), domain: [0, 100] },
        },
        view,
      ),
    alt: attention
      .map(({ path, heads }) => `${layerName(path)}: ${heads.map((head) => percent(spread(head))).join(", ")}`)
      .join("; "),
    key: legend(lines),
    caption:
      "A dot per head: entropy of its weights, mean over the tokens, as a share of that of equal weights. Heads at the bottom have collapsed on single tokens (their scores get next to no gradient), heads at the top average everything they see.",
    values: headValues(attention),
  };
}

function headValues(attention: Inspection["attention"]): FigureFrame["values"] {
  return {
    head: "Head",
    columns: ["Entropy (nats)", "Uniform (nats)", "Largest weight", "Share above 0.9"],
    rows: attention.flatMap(({ path, heads }) =>
      heads.map((head, h) => ({
        head: `${path.replace(".weights_BHTS", "")} ${h}`,
        cells: [
          decimals3(head.entropy),
          decimals3(head.uniform),
          decimals3(head.largest),
          head.saturated === null ? "–" : percent(head.saturated),
        ],
      })),
    ),
  };
}

/** What each token of the answer looked at in the source: the mean of all layers and heads. */
export function alignmentSection({ alignment, tokens, source }: Inspection): Html | false {
  if (alignment === null || alignment.length === 0 || source === null) return false;
  const rows = tokens.map((_, t) =>
    source.map((_, s) => alignment.reduce((sum, layer) => sum + (layer[t]?.[s] ?? 0), 0) / alignment.length),
  );
  return html`<section id="alignment" aria-labelledby="alignment-heading"><h2 id="alignment-heading">Alignment</h2>
<p class="lead">Rows: the tokens of the answer, as they are written; columns: the source. The stronger the colour, the more the answer's token looked there, mean over the heads of ${alignment.length === 1 ? "the layer" : `all ${alignment.length} layers`} with cross attention.</p>
${labelledHeat({
  cells: { rows },
  rows: tokens.map(({ target }) => (target ? tokenText(target) : "–")),
  columns: source.map((token) => tokenText(token)),
  alt: "Alignment of the answer with the source",
})}</section>`;
}
