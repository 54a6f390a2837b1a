/** Draws with Observable Plot in a document of its own and returns lean, self-contained SVG markup. */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { type Html, raw } from "../escape.ts";

/** Every figure is drawn twice, in true size for each, so that its text is readable on a phone too. */
export type View = "wide" | "narrow";

export const WIDTH: Readonly<Record<View, number>> = { wide: 560, narrow: 340 };
export const FONT_SIZE = 12;

export type Mark = Plot.Markish;
export type Options = Plot.PlotOptions;

export function drawPlot(options: Options): Html {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const svg = Plot.plot({ ...options, document, className: "plot" });
  svg.querySelector("style")?.remove();
  for (const name of ["font-family", "font-size", "height", "width"]) svg.removeAttribute(name);
  svg.setAttribute("aria-hidden", "true");
  svg.querySelectorAll("*").forEach(shorten);
  return raw(svg.outerHTML);
}

/** A mark that draws by itself in pixels: receives the scales and the frame, returns one group. */
export function pixelMark(draw: (frame: PixelFrame) => SVGElement): Mark {
  return (_index, scales, _values, dimensions, context) => {
    const { document } = context;
    const x = (value: number) => Number(scales.x?.(value) ?? Number.NaN);
    const y = (value: number) => Number(scales.y?.(value) ?? Number.NaN);
    return draw({
      x,
      y,
      ...dimensions,
      element: (name, attributes, text) => element(document, name, attributes, text),
    });
  };
}

export interface PixelFrame extends Plot.Dimensions {
  x: (value: number) => number;
  y: (value: number) => number;
  element: (name: string, attributes: Attributes, content?: string | SVGElement[]) => SVGElement;
}

type Attributes = Readonly<Record<string, string | number>>;

function element(
  document: Document,
  name: string,
  attributes: Attributes,
  content: string | SVGElement[] = [],
): SVGElement {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name) as SVGElement;
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== "") node.setAttribute(key, typeof value === "number" ? String(round(value)) : value);
  }
  if (typeof content === "string") node.textContent = content;
  else node.append(...content);
  return node;
}

const NUMERIC = ["d", "transform", "x", "y", "x1", "x2", "y1", "y2", "width", "height"];

/** Two decimals of a pixel are enough, and halve the file. */
function shorten(node: Element): void {
  for (const name of NUMERIC) {
    const value = node.getAttribute(name);
    if (value !== null)
      node.setAttribute(
        name,
        value.replace(/-?\d+\.\d{2,}/g, (digits) => String(round(Number(digits)))),
      );
  }
}

const round = (value: number): number => Math.round(value * 10) / 10;
