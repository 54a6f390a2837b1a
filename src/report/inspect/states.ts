/** States of constant size, token by token: how large they are, and what a token changes. */
import type { Inspection, StateTrace } from "../../analysis/index.ts";
import { type Html, html } from "../escape.ts";
import { type FigureFrame, renderFrame } from "../figures/figure.ts";
import { percent, threeDigits } from "../format.ts";
import { type ChartLine, drawChart, inOrder, legend } from "./chart.ts";
import { layerName, partName, tokenText } from "./names.ts";

export function statesSection(inspection: Inspection): Html | false {
  if (inspection.states.length === 0) return false;
  return html`<section id="states" aria-labelledby="states-heading"><h2 id="states-heading">Recurrent states</h2><div class="figures">
${[sizes, changes].map((trace) => renderFrame(traceFigure(trace, inspection)))}
</div></section>`;
}

interface Trace {
  key: "norms" | "changes";
  title: string;
  /** Of the y axis. */
  label: string;
  format: (value: number) => string;
  caption: string;
}

const sizes: Trace = {
  key: "norms",
  title: "Size of the states",
  label: "L2 norm",
  format: threeDigits,
  caption:
    "L2 norm of every state of constant size after each token, decoded one by one. A state that only grows has not forgotten anything; one that stays flat is full or leaks as fast as it fills.",
};
const changes: Trace = {
  key: "changes",
  title: "What a token changes",
  label: "Change (% of the state)",
  format: percent,
  caption:
    "L2 norm of what each token changed, as a share of the state after it: peaks are tokens that overwrite what was remembered.",
};

function traceFigure({ key, title, label, format, caption }: Trace, { states, tokens }: Inspection): FigureFrame {
  const lines = states.map((state, i) => lineOf(state, { key, color: inOrder(i, states.length), dashed: i % 2 === 1 }));
  return {
    id: `states-${key}`,
    title,
    draw: (view) => drawChart({ lines, x: { label: "Token", format: String }, y: { label, format } }, view),
    alt: states.map((state) => `${nameOf(state)}: ${threeDigits(state[key].at(-1)!)} at the end`).join(", "),
    key: legend(lines),
    caption,
    values: {
      head: "State",
      columns: tokens.map((token, t) => `${t} ${tokenText(token, 6)}`),
      rows: states.map((state) => ({ head: nameOf(state), cells: state[key].map(format) })),
    },
  };
}

const lineOf = (
  state: StateTrace,
  { key, color, dashed }: { key: Trace["key"]; color: string; dashed: boolean },
): ChartLine => ({
  name: nameOf(state),
  color,
  ...(dashed && { dash: "5 3" }),
  points: state[key].map((y, x) => ({ x, y })),
});

const nameOf = ({ path, shape }: StateTrace): string =>
  `${layerName(path)} ${partName(path)} ${path.split(".").at(-1)} [${shape.join(", ")}]`;
