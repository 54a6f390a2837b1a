/** Figures, their keys and the diagrams. */
export const FIGURE_STYLE = `
.figures { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 48px 40px; margin-top: 24px; align-items: start; }
.figure { margin: 0; min-width: 0; }
.figure h3 { font-size: 17px; margin-bottom: 10px; }
.figure figcaption { font-size: 15px; line-height: 1.5; color: var(--muted); margin-top: 10px; max-width: 66ch; }
.drawing svg { display: block; width: 100%; max-width: 620px; height: auto; overflow: visible; font: 12px var(--sans); font-variant-numeric: tabular-nums; color: var(--ink); }
.drawing.narrow, .key { display: none; }
.plot text { white-space: pre; paint-order: stroke; stroke: var(--paper); stroke-width: 3px; stroke-linejoin: round; }
.plot [aria-label$="tick label"] { fill: var(--muted); }
.plot [aria-label$="axis label"] { fill: var(--ink); font-weight: 600; }
.plot .leader { fill: none; stroke: var(--muted); stroke-width: 0.8; stroke-opacity: 0.55; }
.plot .ring { fill: none; stroke-width: 1.5; }
.plot .strip { fill: var(--panel); }
.plot .quiet { fill: var(--muted); }
.plot .small { font-size: 11px; fill: var(--muted); }
.plot .points path { stroke: var(--paper); stroke-width: 0.8; }
.plot [data-s] { transition: opacity 120ms; }
.key { list-style: none; margin: 8px 0 0; padding: 0; grid-template-columns: repeat(auto-fill, minmax(148px, 1fr)); gap: 2px 12px; font: 13px/1.5 var(--sans); }
.key li { display: inline-flex; align-items: center; gap: 6px; min-width: 0; }
.key-rank { font-weight: 600; font-variant-numeric: tabular-nums; min-width: 1.2em; text-align: right; }

.families { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 0 0 26px; padding: 0; font: 14px/1.6 var(--sans); }
.families li { display: inline-flex; align-items: center; gap: 7px; }
.chip { width: 14px; height: 14px; border-radius: 3px; }
.architectures { columns: 4 250px; column-gap: 26px; }
.architecture { min-width: 0; break-inside: avoid; padding-bottom: 40px; }
.architecture .note { margin: 4px 0 14px; }
.diagram { display: block; width: 100%; max-width: 300px; height: auto; overflow: visible; font: 12px var(--sans); text-anchor: middle; fill: var(--ink); }
.diagram .small { font-size: 10.5px; fill: var(--muted); }
.diagram .quiet { fill: var(--muted); }
.diagram .wire { fill: none; stroke: var(--muted); stroke-width: 1.2; }
.diagram .tip { fill: var(--muted); }
.diagram .sum { fill: var(--paper); stroke: var(--muted); stroke-width: 1.2; }
.diagram .pill { fill: var(--paper); stroke: var(--muted); }
.diagram .frame { fill: none; stroke: var(--rule); stroke-width: 1.4; }
.diagram .count { font-size: 15px; font-weight: 600; text-anchor: start; }
.diagram .title { font-weight: 600; }
.box rect { fill: var(--panel); stroke: var(--rule); }
.box.channel rect { stroke: var(--muted); }
.diagram .memory .wire { stroke: var(--attention); }
.diagram .memory .tip { fill: var(--attention); }
.box.mixer rect, .box.cross rect { fill: color-mix(in srgb, var(--own) 15%, var(--paper)); stroke: var(--own); stroke-width: 1.6; }
.box.cross rect { stroke-dasharray: 4 2; }
.box.mixer .small, .box.cross .small { fill: var(--ink); }

@media (max-width: 1023px) { .figures { grid-template-columns: minmax(0, 1fr); } .figure { max-width: 720px; } }
@media screen and (max-width: 599px) {
  .figures { gap: 40px; }
  .drawing.wide { display: none; }
  .drawing.narrow { display: block; }
  .key { display: grid; }
  .architecture { max-width: 320px; margin: 0 auto; }
}
`;
