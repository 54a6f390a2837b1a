/** The page's whole style sheet. */
import { FIGURE_STYLE } from "./figures.ts";
import { paletteStyle } from "./palette.ts";
import { PRINT_STYLE } from "./print.ts";
import { TABLE_STYLE } from "./tables.ts";
import { TEXT_STYLE } from "./text.ts";

export function styleSheet(models: number): string {
  return [paletteStyle(), TEXT_STYLE, TABLE_STYLE, FIGURE_STYLE, highlightStyle(models), PRINT_STYLE].join("\n");
}

/** Pointing at one model of a figure, or at its entry in the key, dims the others: without a script, one rule per model. */
function highlightStyle(models: number): string {
  const rules = Array.from(
    { length: models },
    (_, i) => `.figure:has([data-s="${i + 1}"]:hover) [data-s]:not([data-s="${i + 1}"])`,
  );
  return rules.length === 0 ? "" : `@media (hover: hover) { ${rules.join(",\n")} { opacity: 0.18; } }`;
}
