/** Typography and layout: a serif for what is read, Helvetica metrics for figures and tables, one measure for prose. */
export const TEXT_STYLE = `
*, *::before, *::after { box-sizing: border-box; }
:root {
  --serif: Charter, "Bitstream Charter", "Iowan Old Style", "Palatino Linotype", Palatino, Cambria, Georgia, "Liberation Serif", serif;
  --sans: "Helvetica Neue", Helvetica, Arial, "Liberation Sans", sans-serif;
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace;
}
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.55 var(--serif); text-rendering: optimizeLegibility; overflow-wrap: break-word; }
.page { max-width: 1216px; margin: 0 auto; padding: 0 32px 64px; }
h1, h2, h3 { font-weight: 600; text-wrap: balance; margin: 0; }
h1 { font-size: clamp(34px, 5.2vw, 56px); line-height: 1.06; letter-spacing: -0.018em; max-width: 18em; overflow-wrap: anywhere; }
h2 { font-size: 30px; line-height: 1.15; letter-spacing: -0.01em; padding-top: 22px; border-top: 2px solid var(--ink); }
h3 { font: 600 16px/1.3 var(--sans); }
p { margin: 0 0 0.8em; }
a { color: var(--accent); }
section { margin-top: 72px; scroll-margin-top: 16px; }
.lead { max-width: 44em; text-wrap: pretty; margin: 10px 0 22px; color: var(--muted); }
.note { font: 12.5px/1.4 var(--sans); color: var(--muted); }
.empty { font: 14px/1.4 var(--sans); color: var(--muted); padding: 40px 0; text-align: center; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: -9999px; }
.skip:focus { left: 12px; top: 12px; background: var(--paper); padding: 8px 12px; z-index: 2; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }

.masthead { padding-top: clamp(40px, 7vw, 88px); }
.eyebrow { font: 600 13px/1 var(--sans); letter-spacing: 0.09em; text-transform: uppercase; color: var(--muted); margin-bottom: 18px; }
.dek { font-size: 19px; line-height: 1.5; max-width: 40em; text-wrap: pretty; color: var(--muted); margin: 20px 0; }
.caveat { display: inline-block; font: 600 14.5px/1.4 var(--sans); background: var(--warn); color: var(--warn-ink); padding: 9px 14px; border-radius: 6px; margin: 0 0 20px; }
.finding { font-size: 21px; line-height: 1.45; max-width: 36em; text-wrap: pretty; margin: 6px 0 28px; }
.tiles { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 0 28px; margin: 0; border-top: 1px solid var(--rule); border-bottom: 1px solid var(--rule); }
.tile { padding: 16px 0 17px; min-width: 0; }
.tile dt { font: 13px/1.35 var(--sans); color: var(--muted); }
.tile dd { margin: 5px 0 0; font: 14px/1.4 var(--sans); }
.tile-value { display: block; font-size: 23px; line-height: 1.25; font-variant-numeric: tabular-nums; letter-spacing: -0.01em; margin-bottom: 5px; }
.contents ul { display: flex; flex-wrap: wrap; gap: 4px 22px; list-style: none; padding: 0; margin: 18px 0 0; font: 14px/2 var(--sans); }

.model { display: inline-flex; align-items: flex-start; gap: 8px; max-width: 100%; }
.model-name { min-width: 0; overflow-wrap: anywhere; }
.swatch { flex: none; overflow: visible; height: 1.35em; }

.samples { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 310px), 1fr)); gap: 12px 32px; }
.sample { break-inside: avoid; border-top: 1px solid var(--rule); padding: 14px 0 18px; }
.sample blockquote { margin: 10px 0 8px; white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext; font-size: 16px; line-height: 1.5; }
.sample em { color: var(--muted); }
.sample .note { margin: 0; }

.protocol { columns: 2 380px; column-gap: 48px; margin-bottom: 36px; }
pre { font: 13px/1.5 var(--mono); background: var(--panel); padding: 14px 16px; border-radius: 6px; overflow-x: auto; margin: 0 0 28px; }
pre.command { white-space: pre-wrap; overflow-wrap: anywhere; }
code { font: 0.87em/1.4 var(--mono); overflow-wrap: anywhere; }
pre code { font: inherit; overflow-wrap: inherit; }
details summary { cursor: pointer; font: 13.5px/1.4 var(--sans); color: var(--muted); width: fit-content; }
.specs { margin-top: 12px; display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 250px), 1fr)); gap: 0 32px; }
.spec { border-top: 1px solid var(--rule); padding: 10px 0; min-width: 0; }
.spec[open] { grid-column: 1 / -1; }
.spec summary { color: var(--ink); }
.spec pre { margin: 12px 0 6px; max-height: 480px; overflow: auto; }
footer { margin-top: 72px; border-top: 1px solid var(--rule); padding-top: 16px; font: 13px/1.5 var(--sans); color: var(--muted); }

@media (max-width: 899px) { .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); } .tile:nth-child(n + 3) { border-top: 1px solid var(--rule); } }
@media (max-width: 599px) {
  body { font-size: 16px; }
  .page { padding: 0 16px 48px; }
  section { margin-top: 56px; }
  h2 { font-size: 26px; }
  .dek { font-size: 17px; }
  .finding { font-size: 18.5px; }
  .tiles { gap: 0 18px; }
  .tile-value { font-size: 18px; }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
`;
