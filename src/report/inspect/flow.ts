/** Gradients and residual stream: what flows through the stack. */
import type { Inspection } from "../../analysis/index.ts";
import type { FigureFrame } from "../figures/figure.ts";
import { threeDigits, whole } from "../format.ts";
import { type ChartLine, drawChart, hues, legend } from "./chart.ts";
import { layerName, tokenText } from "./names.ts";
import { layersAxis } from "./reading.ts";

export function gradientFigure({ gradients: { streams, layers, parameters, total } }: Inspection): FigureFrame {
  const at = (path: string) => streams.findIndex((stream) => stream.path === `${path}.stream`);
  const lines: ChartLine[] = [
    {
      name: "parameters of the layer",
      color: hues[0],
      points: layers.map(({ path, norm }) => ({ x: at(path), y: norm })),
    },
    {
      name: "stream behind the layer",
      color: hues[1],
      dash: "5 3",
      points: streams.map(({ norm }, x) => ({ x, y: norm })),
    },
  ];
  return {
    id: "gradients",
    title: "Gradients by layer",
    draw: (view) =>
      drawChart(
        {
          lines,
          x: layersAxis(streams.map(({ path }) => path)),
          y: { label: "L2 norm", format: threeDigits, type: "log" },
        },
        view,
      ),
    alt: layers.map(({ path, norm }) => `${layerName(path)} ${threeDigits(norm)}`).join(", "),
    key: legend(lines),
    caption: `L2 norm of the gradient of the loss on this text, on a logarithmic scale; ${threeDigits(total)} over all parameters. A line that falls towards the embedding by powers of ten is a gradient that vanishes on its way down, one that rises explodes.`,
    values: parameterValues(parameters),
  };
}

function parameterValues(parameters: Inspection["gradients"]["parameters"]): FigureFrame["values"] {
  return {
    head: "Parameter",
    columns: ["Elements", "Gradient norm", "Norm", "Gradient / norm"],
    rows: parameters.map(({ path, size, norm, weightNorm }) => ({
      head: path,
      cells: [
        whole(size),
        threeDigits(norm),
        threeDigits(weightNorm),
        weightNorm === 0 ? "–" : threeDigits(norm / weightNorm),
      ],
    })),
  };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const streamLines = ({ streams }: Inspection): ChartLine[] => [
  {
    name: "norm of a token's vector (band: least to most)",
    color: hues[0],
    points: streams.map(({ norms }, x) => ({ x, y: mean(norms), low: Math.min(...norms), high: Math.max(...norms) })),
  },
  {
    name: "largest activation",
    color: hues[1],
    dash: "5 3",
    points: streams.map(({ largest }, x) => ({ x, y: largest.value })),
  },
  {
    name: "median activation",
    color: hues[2],
    dash: "2 3",
    points: streams.map(({ median }, x) => ({ x, y: median })),
  },
];

export function streamFigure(inspection: Inspection): FigureFrame {
  const { streams } = inspection;
  const lines = streamLines(inspection);
  return {
    id: "streams",
    title: "The residual stream",
    draw: (view) =>
      drawChart(
        {
          lines,
          x: layersAxis(streams.map(({ path }) => path)),
          y: { label: "Size", format: threeDigits, type: "log" },
        },
        view,
      ),
    alt: streams.map(({ path, norms }) => `${layerName(path)} ${threeDigits(mean(norms))}`).join(", "),
    key: legend(lines),
    caption:
      "L2 norm of the vectors that run through the stack, and their largest and median absolute values, on a logarithmic scale. A largest value hundreds of times the median is a “massive activation”, which a few features carry for all tokens. The cosine is the mean over pairs of tokens: near 1 all say the same. Written: what each sublayer changes, as a share of the stream that enters it.",
    values: streamValues(inspection),
  };
}

function streamValues({ streams, tokens, source, writes }: Inspection): FigureFrame["values"] {
  return {
    head: "Stream behind",
    columns: [
      "Mean norm",
      "Largest",
      "at token",
      "feature",
      "Median",
      "Largest / median",
      "Cosine of tokens",
      "Written",
    ],
    rows: streams.map(({ path, norms, largest, median, cosine }) => {
      const token = (path.startsWith("encoder.") ? (source ?? []) : tokens)[largest.token];
      const where = token ? `${largest.token} ${tokenText(token)}` : String(largest.token);
      return {
        head: layerName(path),
        cells: [
          threeDigits(mean(norms)),
          threeDigits(largest.value),
          where,
          String(largest.feature),
          threeDigits(median),
          threeDigits(largest.value / median),
          cosine === null ? "" : threeDigits(cosine),
          writes
            .filter((one) => one.path.startsWith(path.replace(/stream$/, "")))
            .map(({ ratio }) => threeDigits(ratio))
            .join(", "),
        ],
      };
    }),
  };
}
