/** What the inspection's page has beyond the shared style sheet. */
export const INSPECT_STYLE = `
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 8px 0 0; padding: 0; font: 13px/1.5 var(--sans); }
.legend li { display: inline-flex; align-items: center; gap: 7px; }
.tokens { font: 15px/2.1 var(--mono); max-width: 76em; margin: 0 0 8px; overflow-wrap: anywhere; }
.token { padding: 3px 1px; border-radius: 3px; background: color-mix(in srgb, var(--state-space) calc(var(--w) * 75%), transparent); white-space: pre-wrap; }
.token.given { background: none; color: var(--muted); }
.scale { display: inline-flex; align-items: center; gap: 8px; font: 12.5px/1.4 var(--sans); color: var(--muted); }
.scale i { width: 90px; height: 10px; border-radius: 5px; background: linear-gradient(to right, transparent, color-mix(in srgb, var(--state-space) 75%, transparent)); border: 1px solid var(--rule); }

.lens { margin-top: 28px; border: 1px solid var(--rule); border-radius: 6px; }
.lens table { font: 12.5px/1.25 var(--mono); border-collapse: separate; border-spacing: 0; }
.lens td, .lens th { padding: 5px 7px; white-space: nowrap; text-align: center; border-bottom: 1px solid var(--paper); border-right: 1px solid var(--paper); min-width: 38px; }
.lens th { font-weight: 500; color: var(--muted); }
.lens tbody th, .lens tfoot th { position: sticky; left: 0; z-index: 1; background: var(--paper); text-align: left; font-family: var(--sans); box-shadow: 1px 0 0 var(--rule); }
.lens thead th { background: var(--panel); color: var(--ink); }
.lens thead th:first-child { position: sticky; left: 0; z-index: 2; color: var(--muted); font-family: var(--sans); text-align: left; box-shadow: 1px 0 0 var(--rule); }
.lens tfoot th { background: var(--panel); }
.lens tfoot td { background: var(--panel); }
.lens td.cell { background: color-mix(in srgb, var(--attention) calc(var(--w) * 70%), var(--paper)); }
.lens td.right { font-weight: 700; text-decoration: underline; text-decoration-thickness: 1.5px; text-underline-offset: 3px; }

.maps h3 { margin: 34px 0 12px; }
.maps .note { margin-left: 8px; font-weight: 400; }
.heads { display: grid; grid-template-columns: repeat(auto-fill, minmax(148px, 1fr)); gap: 18px 18px; align-items: start; }
.head { min-width: 0; }
.head summary { list-style: none; width: auto; color: var(--ink); }
.head summary::-webkit-details-marker { display: none; }
.head[open] { grid-column: 1 / -1; border: 1px solid var(--rule); border-radius: 6px; padding: 14px; }
.head[open] .heat { max-width: 148px; }
.heat, .labelled .ground { background: var(--panel); fill: var(--panel); }
.heat { display: block; width: 100%; aspect-ratio: 1; border: 1px solid var(--rule); }
.heat.wide { aspect-ratio: auto; }
.cells { fill: none; stroke: var(--attention); shape-rendering: crispEdges; }
.labelled { display: block; margin-top: 14px; font: 10.5px var(--mono); fill: var(--ink); }
.labelled text.row { text-anchor: end; }
.head-facts { display: block; font: 12px/1.4 var(--sans); color: var(--muted); margin-top: 5px; }
.head-facts b { color: var(--ink); font-weight: 600; }

.bars { width: 100%; margin-top: 24px; }
.bars th { font-weight: 400; font-family: var(--mono); font-size: 12.5px; overflow-wrap: anywhere; width: 34%; padding-left: 0; }
.bars thead th { font-family: var(--sans); font-weight: 600; }
.bars tbody tr { border-top: 1px solid var(--rule); }
.bars td { text-align: right; white-space: nowrap; }
.bars .track { width: 36%; min-width: 90px; padding-right: 12px; }
.bar { display: flex; height: 14px; background: var(--panel); border-radius: 3px; overflow: hidden; margin-top: 2px; }
.bar i { display: block; height: 100%; }
.bar .closed { background: var(--attention); }
.bar .open { background: var(--state-space); margin-left: auto; }
@media screen and (max-width: 599px) {
  .heads { grid-template-columns: repeat(auto-fill, minmax(104px, 1fr)); gap: 14px; }
  .bars td:not(.track) { font-size: 12px; padding: 8px 4px; }
  .bars th { font-size: 11.5px; }
  .bars .track { min-width: 60px; padding: 8px 4px; }
}
@media print { .lens { overflow: visible; } .heads { grid-template-columns: repeat(6, 1fr); } .head { break-inside: avoid; } }
`;
