/** Title, what was compared, and the few things worth knowing before the figures. */
import type { Comparison, ComparisonResult } from "../../analysis/index.ts";
import { type Html, html, isolated, type Part } from "../escape.ts";
import { bitsPerByte, bytes, calendarDate, contextLength, counted, decimals3, duration, whole } from "../format.ts";
import { namedSwatch, type Series } from "../series.ts";
import { bitsName, extreme, isQuick, leadOf, QUICK_CAVEAT, tokensText } from "../verdict.ts";

const WORDS = ["No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve"];

export function header(comparison: Comparison, series: readonly Series[]): Html {
  return html`<header class="masthead">
<p class="eyebrow">seqlab comparison</p>
<h1>${headline(comparison)}</h1>
<p class="dek">${setting(comparison)}</p>
${isQuick(comparison) && html`<p class="caveat" role="note">${QUICK_CAVEAT}</p>`}
<p class="finding">${finding(comparison, series)}</p>
${tiles(comparison, series)}
</header>`;
}

function setting(comparison: Comparison): Html {
  const { data, seeds, size, budget, seconds, date } = comparison.protocol;
  return html`Trained on ${isolated(data.name)}, ${tokensText(comparison)} tokens per model and seed, ${counted(seeds.length, "seed")},
size <code>${isolated(size)}</code>, budget <code>${isolated(budget)}</code>${comparison.results.length > 1 && " for all"}.
Measured on one machine in ${duration(seconds)}, ${isolated(calendarDate(date))}.`;
}

function headline({ results, protocol }: Comparison): Html {
  const count = WORDS[results.length] ?? whole(results.length);
  return html`${count} ${results.length === 1 ? "architecture" : "architectures"} on ${isolated(protocol.data.name)}`;
}

function finding({ protocol }: Comparison, series: readonly Series[]): Part {
  const lead = leadOf(series);
  if (lead === undefined) return "No model reached a finite score.";
  const { best, second, gap, noise, verdict } = lead;
  const reached = html`<strong>${isolated(best.name)}</strong> reached ${bitsPerByte(best.result.bitsPerByte)} validation ${bitsName(protocol)}`;
  if (second === undefined) return html`${reached}.`;
  const runnerUp = html`<strong>${isolated(second.name)}</strong>`;
  if (verdict === "tie")
    return html`${reached}, but ${runnerUp} is only ${decimals3(gap)} behind, within the spread of their seeds (${decimals3(noise)}): a tie at the top.`;
  const spread =
    verdict === "unknown"
      ? "with one seed each, so the spread is unknown"
      : `more than their seeds spread (${decimals3(noise)})`;
  return html`${reached}, ${decimals3(gap)} ahead of ${runnerUp}, ${spread}.`;
}

/** Who is best at what; left out where there is nothing to choose from. */
function tiles({ protocol }: Comparison, series: readonly Series[]): Html | false {
  const longest = Math.max(0, ...series.flatMap(({ result }) => Object.keys(result.stateBytes ?? {}).map(Number)));
  const state = (result: ComparisonResult) => result.stateBytes?.[String(longest)] ?? Number.NaN;
  const all = [
    tile(`Lowest ${bitsName(protocol)}`, leadOf(series)?.second && leadOf(series)?.best, (result) =>
      bitsPerByte(result.bitsPerByte),
    ),
    tile(
      "Fastest training",
      extreme(series, (result) => result.trainTokensPerS.mean, "most"),
      (result) => `${whole(result.trainTokensPerS.mean)} tokens/s`,
    ),
    tile(
      "Fastest decoding",
      extreme(series, (result) => result.decodeTokensPerS.mean, "most"),
      (result) => `${whole(result.decodeTokensPerS.mean)} tokens/s`,
    ),
    tile(`Least state at ${contextLength(longest)} tokens`, extreme(series, state, "least"), (result) =>
      bytes(state(result)),
    ),
  ];
  return all.some((one) => one !== false) && html`<dl class="tiles">${all}</dl>`;
}

function tile(label: string, winner: Series | undefined, value: (result: ComparisonResult) => string): Html | false {
  return (
    winner !== undefined &&
    html`<div class="tile"><dt>${label}</dt><dd><span class="tile-value">${value(winner.result)}</span>${namedSwatch(winner)}</dd></div>`
  );
}
