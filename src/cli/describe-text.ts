/** A model's description as text for the terminal. */
import type { ComponentNote, ModelDescription } from "../analysis/index.ts";
import { bytes, contextLength, percent, shortCount, whole } from "../report/index.ts";
import { wrap } from "./frame/help.ts";
import { renderTable } from "./frame/table.ts";

export function describeText(model: ModelDescription): string {
  const sections = [
    `${model.title}\n${model.name} · ${flowText[model.flow]} · ${model.objective}\n`,
    layerTable(model),
    parameterText(model),
    costTable(model),
    stateTable(model),
    ...model.components.map(componentText),
  ];
  return sections.filter((section) => section !== "").join("\n");
}

const flowText: Readonly<Record<ModelDescription["flow"], string>> = {
  causal: "causal",
  bidirectional: "bidirectional",
  both: "causal or bidirectional",
  "causal-values-only": "causal values, selection sees the future",
};

/** Neighbouring equal layers in one row. */
function layerTable({ layers }: ModelDescription): string {
  const groups: { first: number; last: number; layer: (typeof layers)[number] }[] = [];
  for (const [index, layer] of layers.entries()) {
    const last = groups.at(-1);
    const same =
      last?.layer.mixer === layer.mixer &&
      last.layer.channel === layer.channel &&
      last.layer.parameters === layer.parameters;
    if (last && same) last.last = index;
    else groups.push({ first: index, last: index, layer });
  }
  const columns = [
    { head: "layers", align: "left" },
    { head: "token mixer", align: "left" },
    { head: "channel mixer", align: "left" },
    { head: "parameters each", align: "right" },
    { head: "active each", align: "right" },
  ] as const;
  return renderTable(
    columns,
    groups.map(({ first, last, layer }) => [
      first === last ? `${first + 1}` : `${first + 1} to ${last + 1}`,
      layer.mixer,
      layer.channel,
      whole(layer.parameters),
      whole(layer.activeParameters),
    ]),
  );
}

function parameterText({ parameters, activeParameters, embeddingParameters, vocabulary }: ModelDescription): string {
  const active = activeParameters === parameters ? "" : `, ${whole(activeParameters)} active for one token`;
  return [
    `Parameters   ${whole(parameters)} (${shortCount(parameters)})${active}`,
    `Embeddings   ${whole(embeddingParameters)}, ${percent(embeddingParameters / parameters)} of them, for ${whole(vocabulary)} ids`,
    "",
  ].join("\n");
}

function costTable({ flops: { train, prefill, decode, context } }: ModelDescription): string {
  const columns = [
    { head: `FLOPs per token at ${contextLength(context)} tokens`, align: "left" },
    { head: "", align: "right" },
  ] as const;
  return renderTable(columns, [
    ["  training step (forward and backward)", shortCount(train)],
    ["  reading a prompt", shortCount(prefill)],
    decode === null ? ["  decoding (it does not go token by token)", "–"] : ["  decoding", shortCount(decode)],
  ]);
}

function stateTable({ stateBytes }: ModelDescription): string {
  if (stateBytes === null) return "State per sequence   none\n";
  const contexts = Object.entries(stateBytes);
  const columns = [
    { head: "State per sequence", align: "left" } as const,
    ...contexts.map(([tokens]) => ({ head: `at ${contextLength(Number(tokens))}`, align: "right" as const })),
  ];
  return renderTable(columns, [["  bytes in f32", ...contexts.map(([, size]) => bytes(size))]]);
}

function componentText({ title, slot, kind, equations, cite }: ComponentNote): string {
  const lines = equations.flatMap((equation) =>
    wrap(equation, 96).map((line, i) => `${i === 0 ? "  " : "      "}${line}`),
  );
  return `${title} (${slot} ${kind})\n${lines.join("\n")}\n  [${cite}]\n`;
}
