/** On paper: A4, dark ink, no navigation, figures and cards kept whole, the leaderboard on a page of its own lying on its side. */
export const PRINT_STYLE = `
@page { size: A4; margin: 15mm 14mm; }
@page wide { size: A4 landscape; margin: 12mm; }
@media print {
  body { font-size: 10.5pt; background: none; }
  .page { max-width: none; padding: 0; }
  .contents, .skip, details, .specs, h3:has(+ .specs) { display: none; }
  .masthead { padding-top: 0; }
  h1 { font-size: 30pt; }
  h2, h3 { break-after: avoid; }
  section { margin-top: 28px; }
  #leaderboard { page: wide; break-before: page; break-after: page; margin-top: 0; }
  .scroll { overflow: visible; }
  .leaderboard { min-width: 0; font-size: 8.5pt; }
  .leaderboard .model-title { display: none; }
  .leaderboard .note, .leaderboard .tuned, .leaderboard thead th { font-size: 7.5pt; }
  .tile-value { font-size: 14pt; }
  #architectures, #protocol { break-before: page; }
  .protocol { columns: 2; column-gap: 28px; }
  .facts { font-size: 9pt; }
  .leaderboard td, .leaderboard th { padding: 4px 6px; }
  .leaderboard thead { display: table-header-group; }
  .leaderboard tr, .figure, .architecture, .sample, .facts { break-inside: avoid; }
  .figures { display: block; }
  .figure { max-width: 500px; margin: 0 auto 26px; }
  .figure figcaption { font-size: 9.5pt; max-width: none; }
  .architectures { columns: 3; column-gap: 20px; }
  .samples { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .tiles { grid-template-columns: repeat(4, minmax(0, 1fr)); }
  .tile:nth-child(n) { border-top: 0; }
  a { color: inherit; text-decoration: none; }
}
`;
