/** An inspection as text for the terminal. */
import type { Inspection, OverfittingGap } from "../analysis/index.ts";
import { percent, threeDigits } from "../report/index.ts";
import { renderTable } from "./frame/table.ts";
import { gapText } from "./overfitting-gap.ts";

export function inspectionText(
  inspection: Inspection,
  { report, notes, gap }: { report: string; notes: readonly string[]; gap?: OverfittingGap },
): string {
  const { loss, tokens, tensors } = inspection;
  return [
    ...notes.map((note) => `${note}\n`),
    `${tokens.length} tokens, ${threeDigits(loss)} nats per token (perplexity ${threeDigits(Math.exp(loss))})\n`,
    layerTable(inspection),
    ...(tensors.length === 0 ? [] : [tensorTable(inspection)]),
    ...(gap === undefined ? [] : [gapText(gap)]),
    `report  ${report}\n`,
  ].join("\n");
}

/** A line a stream, the last layer first, as the page has them. */
function layerTable({ lens, gradients, streams, writes, attention, gates }: Inspection): string {
  const columns = [
    { head: "behind", align: "left" },
    { head: "loss here", align: "right" },
    { head: "gradient", align: "right" },
    { head: "stream", align: "right" },
    { head: "cosine of tokens", align: "right" },
    { head: "written", align: "right" },
    { head: "attention entropy", align: "right" },
    { head: "saturated gates", align: "right" },
  ] as const;
  const rows = lens.map(({ path, loss }) => {
    const layer = path.replace(/\.stream$/, "");
    const mine = <T extends { path: string }>(list: readonly T[]) =>
      list.filter((one) => one.path.startsWith(`${layer}.`));
    const heads = mine(attention).flatMap(({ heads }) => heads);
    const spread = heads.map(({ entropy, uniform }) => (uniform === 0 ? 0 : entropy / uniform));
    const stuck = mine(gates).map(({ closed, open }) => closed + open);
    const gradient = gradients.layers.find((one) => one.path === layer);
    const { norms, cosine } = streams.find((stream) => stream.path === path)!;
    return [
      layer,
      threeDigits(loss),
      gradient ? threeDigits(gradient.norm) : "",
      threeDigits(average(norms)),
      cosine === null ? "" : threeDigits(cosine),
      mine(writes)
        .map(({ ratio }) => threeDigits(ratio))
        .join(", "),
      spread.length === 0 ? "" : percent(average(spread)),
      stuck.length === 0 ? "" : percent(average(stuck)),
    ];
  });
  return renderTable(columns, rows.toReversed());
}

function tensorTable({ tensors }: Inspection): string {
  const columns = [
    { head: "tensor", align: "left" },
    { head: "shape", align: "left" },
    { head: "mean", align: "right" },
    { head: "std", align: "right" },
    { head: "least", align: "right" },
    { head: "most", align: "right" },
  ] as const;
  return renderTable(
    columns,
    tensors.map(({ name, shape, mean, std, least, most }) => [
      name,
      shape.join(" × "),
      ...[mean, std, least, most].map(threeDigits),
    ]),
  );
}

const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
