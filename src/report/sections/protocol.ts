/** How the figures came about: everything that is needed to run the same comparison again. */
import type { Comparison, Protocol } from "../../analysis/index.ts";
import { asRecord } from "../diagram/architecture.ts";
import { type Html, html, isolated, multiline, type Part } from "../escape.ts";
import { bytes, calendarDate, counted, duration, threeDigits, whole } from "../format.ts";
import { namedSwatch, type Series } from "../series.ts";

type Row = readonly [label: string, value: Part];

export function protocolSection({ protocol }: Comparison, series: readonly Series[]): Html {
  return html`<section id="protocol" aria-labelledby="protocol-title">
<h2 id="protocol-title">Protocol</h2>
<p class="lead">The same data, order, tokens and windows for every model. Run it again with:</p>
<pre class="command" tabindex="0"><code>${multiline(protocol.command)}</code></pre>
<div class="protocol">
${group("Data", dataRows(protocol))}
${group("Training", trainingRows(protocol))}
${group("Optimizer", flattened(protocol.optimizer))}
${group("Step", flattened(protocol.step))}
${group("Machine", machineRows(protocol))}
${group("Versions", [["seqlab", protocol.seqlab], ...flattened(protocol.versions)])}
</div>
<h3>Specs in full</h3>
<div class="specs">${series.map(specDetails)}</div>
</section>`;
}

function dataRows({ data, tokenizer }: Protocol): Row[] {
  const ids = `${tokenizer.kind}, ${counted(tokenizer.size, "entry").replace("entrys", "entries")}`;
  if (data.task !== undefined)
    return [
      ["Task", isolated(data.task.kind)],
      ...flattened(data.task.facts),
      ["SHA-256 of these facts", html`<code>${data.sha256}</code>`],
      ["Ids", isolated(ids)],
    ];
  return [
    ["Text", isolated(data.name)],
    ["SHA-256", html`<code>${data.sha256}</code>`],
    ["Training text", exactBytes(data.trainBytes ?? Number.NaN)],
    ["Validation text", exactBytes(data.validationBytes ?? Number.NaN)],
    ["Tokenizer", html`${ids}, ${threeDigits(tokenizer.bytesPerToken ?? Number.NaN)} bytes per token`],
  ];
}

function trainingRows({ size, budget, tokens, seeds, context, batch, seconds, date }: Protocol): Row[] {
  return [
    ["Size", isolated(size)],
    ["Budget", isolated(budget)],
    ["Training tokens per seed", tokens === null ? "each model its own, see the leaderboard" : whole(tokens)],
    ["Seeds", seeds.join(", ")],
    ["Context", `${whole(context)} tokens`],
    ["Batch", `${counted(batch, "sequence")}, ${whole(batch * context)} tokens`],
    ["Date", isolated(calendarDate(date))],
    ["Took", duration(seconds)],
  ];
}

function machineRows({ machine, baselineBytes }: Protocol): Row[] {
  return [
    ["Processor", isolated(machine.cpu)],
    ["Cores", whole(machine.cores)],
    ["Threads used", whole(machine.threads)],
    ["Memory", bytes(machine.memoryBytes)],
    ["System", isolated(machine.os)],
    ["Resident before a model is built", bytes(baselineBytes)],
  ];
}

function group(title: string, rows: readonly Row[]): Html {
  const body = rows.map(([label, value]) => html`<tr><th scope="row">${label}</th><td>${value}</td></tr>`);
  return html`<table class="facts"><caption>${title}</caption><tbody>${body}</tbody></table>`;
}

/** Nested settings as dotted paths, every value shown. */
function flattened(value: Readonly<Record<string, unknown>>, prefix = ""): Row[] {
  return Object.entries(value).flatMap(([key, inner]): Row[] => {
    const path = `${prefix}${key}`;
    const record = asRecord(inner);
    return Object.keys(record).length > 0 ? flattened(record, `${path}.`) : [[path, isolated(plain(inner))]];
  });
}

function plain(value: unknown): string {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return String(value);
  return JSON.stringify(value) ?? "—";
}

function specDetails(series: Series): Html {
  const { canonical } = series.result;
  return html`<details class="spec"><summary>${namedSwatch(series)}</summary><pre tabindex="0"><code>${multiline(JSON.stringify(canonical, null, 2))}</code></pre></details>`;
}

const exactBytes = (value: number): string => `${bytes(value)} (${whole(value)} bytes)`;
