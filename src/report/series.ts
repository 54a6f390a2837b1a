/** What a model looks like in every figure, table and key of one report: number, name, colour, dash and marker. */
import type { Comparison, ComparisonResult } from "../analysis/index.ts";
import { readArchitecture } from "./diagram/architecture.ts";
import { clippedMiddle, type Html, html, isolated, raw, visibleLine } from "./escape.ts";
import { colorOf, type Family, familyOfStack } from "./families.ts";
import { GLYPHS, type Glyph, strokeOf } from "./glyphs.ts";

export interface Series {
  /** Place in the leaderboard, from 1; models without a finite score come last. */
  rank: number;
  /** Name with hidden characters made visible; not yet escaped for HTML. */
  name: string;
  /** The name, short enough to stand at the end of a line. */
  label: string;
  family: Family;
  color: string;
  dash: string;
  glyph: Glyph;
  result: ComparisonResult;
}

const LABEL_LETTERS = 17;

/** All models by validation bits per byte, the lowest first; those without a finite score last, in the given order. */
export function rankedSeries({ results }: Comparison): Series[] {
  const seen = new Map<Family, number>();
  const drawn = results.map((result) => {
    const { layers, encoder } = readArchitecture(result.canonical);
    const family = familyOfStack([...(encoder?.layers ?? []), ...layers].map((layer) => layer.mixer.kind));
    const position = seen.get(family) ?? 0;
    seen.set(family, position + 1);
    const name = visibleLine(result.spec);
    return {
      name,
      label: clippedMiddle(name, LABEL_LETTERS),
      family,
      color: colorOf(family),
      ...strokeOf(position),
      result,
    };
  });
  return drawn.sort((a, b) => score(a.result) - score(b.result) || 0).map((series, i) => ({ rank: i + 1, ...series }));
}

/** The piece of line with its marker that stands for a model in tables, keys and headings. */
export function swatch({ color, dash, glyph }: Series): Html {
  return html`<svg class="swatch" viewBox="0 0 36 12" width="36" height="12" aria-hidden="true">
<path d="M1 6H35" fill="none" stroke="${raw(color)}" stroke-width="2" stroke-dasharray="${dash}"/>
<path d="${GLYPHS[glyph]}" transform="translate(18 6)" fill="${raw(color)}"/></svg>`;
}

/** Swatch and name, as used wherever a model is mentioned on its own. */
export function namedSwatch(series: Series): Html {
  return html`<span class="model">${swatch(series)}<span class="model-name">${isolated(series.name)}</span></span>`;
}

/** A finite number even for a diverged model, so that sorting stays defined. */
function score(result: ComparisonResult): number {
  return Number.isFinite(result.bitsPerByte.mean) ? result.bitsPerByte.mean : Number.MAX_VALUE;
}
