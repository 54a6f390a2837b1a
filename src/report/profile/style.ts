/** What the profile's page has beyond the shared style sheet. */
export const PROFILE_STYLE = `
:root { --flame-forward: #cfd8f3; --flame-backward: #f3dcc4; }
@media (prefers-color-scheme: dark) { :root { --flame-forward: #2b3760; --flame-backward: #573a20; } }
@media print { :root { --flame-forward: #cfd8f3; --flame-backward: #f3dcc4; } }
.flame { margin: 18px 0 10px; }
.boxes { position: relative; height: 132px; min-width: 860px; }
.box { position: absolute; height: 25px; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; font: 11.5px/25px var(--sans); background: var(--c); color: var(--ink); border-right: 1px solid var(--paper); border-radius: 2px; }
.flame .box[style*="--c:var(--attention)"], .flame .box[style*="--c:var(--xlstm)"], .flame .box[style*="--c:var(--linear-attention)"], .flame .box[style*="--c:var(--state-space)"], .flame .box[style*="--c:var(--other)"] { color: #fff; }
@media (prefers-color-scheme: dark) { .flame .box[style*="--c:var(--linear-attention)"], .flame .box[style*="--c:var(--xlstm)"], .flame .box[style*="--c:var(--other)"], .flame .box[style*="--c:var(--state-space)"] { color: #14171c; } }
.box.named { padding: 0 5px; }
.box:hover { filter: brightness(1.12); outline: 1px solid var(--ink); z-index: 1; overflow: visible; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 8px 0 0; padding: 0; font: 13px/1.5 var(--sans); }
.legend li { display: inline-flex; align-items: center; gap: 7px; }
.legend i { width: 13px; height: 13px; border-radius: 3px; }
.costs { width: 100%; margin-top: 20px; }
.costs td { text-align: right; white-space: nowrap; }
.costs th, .costs td:first-child { text-align: left; }
.costs thead th { text-align: right; border-bottom: 1px solid var(--ink); }
.costs thead th:first-child { text-align: left; }
.costs tbody tr { border-top: 1px solid var(--rule); }
.costs tbody th { font-weight: 400; font-family: var(--mono); font-size: 12.5px; }
.costs .note { display: block; }
.costs tbody th { overflow-wrap: anywhere; }
.costs td.shapes { white-space: normal; overflow-wrap: anywhere; max-width: 300px; }
.costs .track { width: 26%; min-width: 120px; }
.bar { display: flex; height: 14px; background: var(--panel); border-radius: 3px; overflow: hidden; margin-top: 2px; }
.bar i { display: block; height: 100%; }
.kernels { min-width: 760px; }
@media screen and (max-width: 599px) { .costs .wide { display: none; } .costs td, .costs th { padding: 7px 4px; font-size: 12.5px; } .costs .track { min-width: 60px; width: 18%; } }
@media print { .boxes { min-width: 0; } }
`;
