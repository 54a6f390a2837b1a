/** Tables: the leaderboard scrolls inside its own container, and becomes a card per model on a phone. */
export const TABLE_STYLE = `
.scroll { position: relative; overflow-x: auto; overscroll-behavior-x: contain; }
table { border-collapse: collapse; font: 14px/1.4 var(--sans); font-variant-numeric: tabular-nums; }
th { font-weight: 600; text-align: left; }
td, th { padding: 8px 9px; vertical-align: top; }
.leaderboard thead th::first-letter { text-transform: uppercase; }
thead th { font-size: 12.5px; line-height: 1.3; color: var(--muted); vertical-align: bottom; }

.leaderboard { width: 100%; min-width: 1080px; }
.leaderboard td, .leaderboard thead th { text-align: right; }
.leaderboard thead th { border-bottom: 1px solid var(--ink); padding-top: 4px; }
.leaderboard .groups th { border-bottom: 1px solid var(--rule); text-align: center; font-weight: 500; }
.leaderboard .groups td { padding: 0; }
.leaderboard tbody tr { border-bottom: 1px solid var(--rule); }
.leaderboard thead tr:last-child th:nth-child(2), .leaderboard tbody th, .leaderboard thead tr:last-child th:nth-child(5), .leaderboard tbody td:nth-child(5) { text-align: left; }
.leaderboard tbody th { min-width: 172px; max-width: 220px; }
.leaderboard .rank { color: var(--muted); width: 30px; padding-left: 0; }
.leaderboard thead tr:last-child th:first-child { padding-left: 0; }
.leaderboard .note, .leaderboard .model-title { display: block; font-size: 12px; line-height: 1.35; color: var(--muted); font-weight: 400; white-space: nowrap; }
.leaderboard .model-title { white-space: normal; margin-top: 3px; }
.score { white-space: nowrap; }
.tuned { font-size: 12.5px; line-height: 1.4; }
.tuned span { display: block; overflow-wrap: anywhere; }
.leaderboard td:nth-child(5) { min-width: 136px; }
.leaderboard tbody td:nth-child(5), .leaderboard thead tr:last-child th:nth-child(5) { padding-left: 16px; }
.scroll + .note { margin-top: 12px; }
.best { font-weight: 700; }
.best .note { font-weight: 400; }
.leaderboard td:not(:nth-child(5)) .value { white-space: nowrap; }

.scores thead th { border-bottom: 1px solid var(--ink); max-width: 160px; }
.scores thead th::first-letter { text-transform: uppercase; }
.scores tbody tr { border-bottom: 1px solid var(--rule); }
.scores td, .scores thead th:not(:first-child) { text-align: right; }
.scores th:first-child { padding-left: 0; }

.facts { width: 100%; break-inside: avoid; margin-bottom: 26px; }
.facts caption { text-align: left; font: 600 16px/1.3 var(--sans); padding-bottom: 8px; }
.facts tr { border-top: 1px solid var(--rule); }
.facts th { font-weight: 400; color: var(--muted); width: 42%; padding: 7px 12px 7px 0; overflow-wrap: anywhere; }
.facts td { padding: 7px 0; overflow-wrap: anywhere; }

.values { margin-top: 8px; }
.values table { margin-top: 8px; min-width: 100%; font-size: 13px; }
.values td, .values th { padding: 5px 10px 5px 0; white-space: nowrap; }
.values td, .values thead th { text-align: right; }
.values thead th { white-space: normal; min-width: 76px; }
.values tbody th, .values thead th:first-child { text-align: left; font-weight: 400; }
.values tbody tr { border-top: 1px solid var(--rule); }

@media screen and (min-width: 600px) and (max-width: 1199px) {
  .leaderboard th:nth-child(2) { position: sticky; left: 0; background: var(--paper); z-index: 1; box-shadow: 1px 0 0 var(--rule); }
}
@media screen and (max-width: 599px) {
  .leaderboard { min-width: 0; display: block; }
  .leaderboard thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .leaderboard tbody, .leaderboard tr { display: block; }
  .leaderboard tbody tr { border: 1px solid var(--rule); border-radius: 8px; padding: 14px 16px 10px; margin-bottom: 14px; position: relative; }
  .leaderboard tbody th { display: block; max-width: none; padding: 0 64px 10px 0; font-size: 16px; border-bottom: 1px solid var(--rule); margin-bottom: 6px; }
  .leaderboard .rank { position: absolute; right: 16px; top: 14px; width: auto; padding: 0; font-size: 16px; }
  .leaderboard tbody td:not(.rank) { display: flex; justify-content: space-between; gap: 16px; padding: 4px 0; text-align: right; }
  .leaderboard td:not(.rank)::before { content: attr(data-label); color: var(--muted); text-align: left; flex: none; max-width: 55%; }
  .leaderboard td .note { display: inline; margin-left: 8px; }
  .leaderboard .rank::before { content: "rank "; font-size: 13px; }
  .leaderboard .value, .leaderboard td:not(:nth-child(5)) .value { white-space: normal; }
  .leaderboard .tuned span { text-align: right; }
  .leaderboard .tuned { font-size: 14px; }
}
`;
