/** A model's description as text for the terminal. */
import type { ComponentNote, ModelDescription, Work } from "../analysis/index.ts";
import { bytes, contextLength, joules, percent, shortCount, threeDigits, whole } from "../report/index.ts";
import { wrap } from "./frame/help.ts";
import { renderTable } from "./frame/table.ts";

export function describeText(model: ModelDescription): string {
  const sections = [
    `${model.title}\n${model.name} · ${flowText[model.flow]} · ${model.objective}\n`,
    layerTable(model),
    parameterText(model),
    costTable(model),
    activeText(model),
    activationText(model),
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

/** What experts that a token chose would take, where more is executed. */
const activeText = ({ flops: { prefill, prefillActive } }: ModelDescription): string =>
  prefillActive === prefill
    ? ""
    : `Reading a prompt executes ${shortCount(prefill)} FLOPs a token, of which ${shortCount(prefillActive)} are active: 2 for each parameter that acts on the token\n`;

const activationText = ({ activationBytes, flops: { context } }: ModelDescription): string =>
  `Activations kept by a training step   ${bytes(activationBytes)} a sequence of ${contextLength(context)} tokens\n`;

const largeContext = 65_536;
const stateOf = ({ stateBytes }: ModelDescription["layers"][number]): string =>
  stateBytes === null ? "–" : bytes(stateBytes[String(largeContext)]!);

/** Neighbouring equal layers in one row. */
function layerTable({ layers }: ModelDescription): string {
  const groups: { first: number; last: number; layer: (typeof layers)[number] }[] = [];
  for (const [index, layer] of layers.entries()) {
    const last = groups.at(-1);
    const same =
      last?.layer.mixer === layer.mixer &&
      last.layer.channel === layer.channel &&
      last.layer.parameters === layer.parameters &&
      last.layer.flops === layer.flops &&
      stateOf(last.layer) === stateOf(layer);
    if (last && same) last.last = index;
    else groups.push({ first: index, last: index, layer });
  }
  const columns = [
    { head: "layers", align: "left" },
    { head: "token mixer", align: "left" },
    { head: "channel mixer", align: "left" },
    { head: "parameters each", align: "right" },
    { head: "active each", align: "right" },
    { head: "FLOPs a token", align: "right" },
    { head: `state at ${contextLength(largeContext)}`, align: "right" },
  ] as const;
  return renderTable(
    columns,
    groups.map(({ first, last, layer }) => [
      first === last ? `${first + 1}` : `${first + 1} to ${last + 1}`,
      layer.mixer,
      layer.channel,
      whole(layer.parameters),
      whole(layer.activeParameters),
      shortCount(layer.flops),
      stateOf(layer),
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

function costTable({ work: { train, prefill, decode }, flops: { context } }: ModelDescription): string {
  const heads = ["FLOPs", "additions", "multiplies", "bytes moved", "FLOPs a byte", "energy", "steps in all"];
  const columns = [
    { head: `Per token at ${contextLength(context)} tokens`, align: "left" } as const,
    ...heads.map((head) => ({ head, align: "right" as const })),
  ];
  return renderTable(columns, [
    ["  training step (forward and backward)", ...workCells(train)],
    ["  reading a prompt", ...workCells(prefill)],
    decode === null ? ["  decoding (it does not go token by token)", "–"] : ["  decoding", ...workCells(decode)],
  ]);
}

const workCells = ({ flops, operations, bytes: moved, flopsPerByte, energy, steps }: Work): string[] => [
  shortCount(flops),
  shortCount(operations.additions),
  shortCount(operations.multiplications),
  bytes(moved),
  threeDigits(flopsPerByte),
  joules(energy.arithmetic),
  whole(steps),
];

function stateTable({ stateBytes }: ModelDescription): string {
  if (stateBytes === null) return "State per sequence   none\n";
  const contexts = Object.entries(stateBytes);
  const columns = [
    { head: "State per sequence", align: "left" } as const,
    ...contexts.map(([tokens]) => ({ head: `at ${contextLength(Number(tokens))}`, align: "right" as const })),
  ];
  return renderTable(columns, [["  bytes in f32", ...contexts.map(([, size]) => bytes(size))]]);
}

function componentText({ title, slot, kind, patterns, equations, cite }: ComponentNote): string {
  const lines = equations.flatMap((equation) =>
    wrap(equation, 96).map((line, i) => `${i === 0 ? "  " : "      "}${line}`),
  );
  const made = patterns.length > 0 ? `  patterns: ${patterns.join(", ")}\n` : "";
  return `${title} (${slot} ${kind})\n${lines.join("\n")}\n${made}  [${cite}]\n`;
}
