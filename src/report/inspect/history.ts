/** How the run got here: its losses while it trained, and whether it overfits. */
import type { FitDiagnosis, LossHistory } from "../../analysis/index.ts";
import { type Html, html } from "../escape.ts";
import { type FigureFrame, renderFrame } from "../figures/figure.ts";
import { decimals3, percent, shortCount, threeDigits } from "../format.ts";
import { drawChart, hues } from "./chart.ts";

export interface TrainingHistory extends LossHistory {
  diagnosis: FitDiagnosis;
}

export function historySection(history: TrainingHistory | undefined): Html | false {
  if (history === undefined || history.training.length < 2) return false;
  const training = thinned(history.training).map(({ step, loss }) => ({ x: step, y: loss }));
  const validation = history.validation.map(({ step, bitsPerByte }) => ({ x: step, y: bitsPerByte }));
  const figures = [
    lossFigure("history-training", { title: "Training loss", label: "Nats per token", points: training }),
    ...(validation.length > 1
      ? [lossFigure("history-validation", { title: "Validation", label: "Bits per byte", points: validation })]
      : []),
  ];
  return html`<section id="history" aria-labelledby="history-heading"><h2 id="history-heading">Training until here</h2>
<p class="lead">${verdictOf(history.diagnosis)}${gapOf(history.diagnosis)}</p><div class="figures">${figures.map(renderFrame)}</div></section>`;
}

function verdictOf({ verdict, best, last, rise, remedies }: FitDiagnosis): Html {
  if (verdict === "unknown") return html`The run was evaluated less than twice: whether it overfits is not known.`;
  const at = html`${decimals3(best!.bitsPerByte)} bits per byte at step ${best!.step}`;
  if (verdict === "fits")
    return html`No overfitting: the best evaluation is ${at}, the last ${decimals3(last!.bitsPerByte)} at step ${last!.step}.`;
  return html`<strong>It overfits.</strong> The best evaluation was ${at}; since then validation has risen by ${percent(rise)} while training loss went on falling. What usually helps: ${remedies.join(", ")}.`;
}

const gapOf = ({ gap }: FitDiagnosis): Html | false =>
  gap !== undefined &&
  html` The weights shown reach ${decimals3(gap.training)} bits per byte on ${gap.windows} windows of the training text and ${decimals3(gap.validation)} on as many of the validation text: a gap of ${decimals3(gap.bitsPerByte)}.`;

interface Curve {
  title: string;
  label: string;
  points: readonly { x: number; y: number }[];
}

function lossFigure(id: string, { title, label, points }: Curve): FigureFrame {
  const [first, last] = [points[0]!, points.at(-1)!];
  const end = `${title} from ${threeDigits(first.y)} at step ${first.x} to ${threeDigits(last.y)} at step ${last.x}`;
  return {
    id,
    title,
    draw: (view) =>
      drawChart(
        {
          lines: [{ name: title, color: hues[0], points }],
          x: { label: "Step", format: shortCount },
          y: { label, format: threeDigits },
        },
        view,
      ),
    alt: end,
    caption: `${end}. ${label}; lower is better.`,
    values: {
      head: "Step",
      columns: [label],
      rows: points.map(({ x, y }) => ({ head: String(x), cells: [threeDigits(y)] })),
    },
  };
}

/** Means over at most 100 stretches. */
function thinned(points: LossHistory["training"]): { step: number; loss: number }[] {
  const size = Math.ceil(points.length / 100);
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) => {
    const part = points.slice(i * size, (i + 1) * size);
    return { step: part.at(-1)!.step, loss: part.reduce((sum, { loss }) => sum + loss, 0) / part.length };
  });
}
