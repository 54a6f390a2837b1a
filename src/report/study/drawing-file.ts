/** A study's figure as an SVG file of its own, in the light colours. */
import type { StudyFigure, StudyResult } from "../../analysis/index.ts";
import { FAMILIES } from "../families.ts";
import { WIDTH } from "../figures/plot.ts";
import { FIGURE_STYLE } from "../style/figures.ts";
import { SURFACES } from "../style/palette.ts";
import { drawStudyFigure } from "./figure.ts";

const variables: Readonly<Record<string, string>> = {
  ...SURFACES.light,
  ...Object.fromEntries(Object.entries(FAMILIES).map(([name, { light }]) => [name, light])),
  sans: "Helvetica, Arial, sans-serif",
};

/** Rules of `.plot` only. */
const plotStyle = FIGURE_STYLE.split("\n")
  .filter((line) => line.startsWith(".plot "))
  .join(" ");

export function studyDrawing(figure: StudyFigure, result: StudyResult): string {
  const { html } = drawStudyFigure(figure, result, "wide");
  if (!html.startsWith("<svg")) return "";
  const style = `<style>text { font: 12px var(--sans); } ${plotStyle}</style><rect width="100%" height="100%" fill="var(--paper)"/>`;
  const own = html.includes("xmlns=") ? "" : ' xmlns="http://www.w3.org/2000/svg"';
  return `${html
    .replace("<svg", `<svg${own} width="${WIDTH.wide}"`)
    .replace(/^(<svg[^>]*>)/, `$1${style}`)
    .replaceAll(/var\(--([a-z-]+)\)/g, (_, name: string) => variables[name] ?? "currentColor")
    .replaceAll("currentColor", SURFACES.light.ink)}\n`;
}
