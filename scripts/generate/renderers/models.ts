import { stateBytesAt } from "../../../src/analysis/index.ts";
import { type BuiltModel, buildSpec, loadSpec } from "../../../src/spec/index.ts";
import { publishedModels } from "../../models/published.ts";
import { comparison, type PublishedModel, total } from "../../models/published-model.ts";
import type { Generator } from "../generators.ts";

const context = 4096;

/** Parameters of the published specs beside those of checkpoints and papers. */
export const generator: Generator = { path: "docs/generated/models.md", render: renderModels };

function renderModels(): string {
  const models = Object.entries(publishedModels);
  return `<!-- Written by \`npm run generate\` from the specs and scripts/models. -->
# Published models

Vocabulary: ids of the model, the objective's own included. Differences: what the checkpoint or paper counts and the spec
has not, or the other way round; the gap is what is left when they are added. State: f32 bytes of one sequence after
${context} tokens, or as many as there are positions, from a source of the same length; – where nothing is decoded step by step.

| spec | model | vocabulary | parameters | active | published | differences | gap | state at 4k |
|---|---|--:|--:|--:|--:|--:|--:|--:|
${models.map(([name, model]) => row(name, model)).join("")}
## Differences, terms and notes

${models.map(([name, model]) => details(name, model)).join("")}`;
}

function row(name: string, published: PublishedModel): string {
  const built = buildSpec(loadSpec(`published/${name}`), { tokens: published.tokens });
  const { model } = built;
  const { parameters, checkpoint, figure, differences } = published;
  const cells = [
    `\`${name}\``,
    `[${published.model}](${published.source})`,
    model.input.kind === "ids" ? grouped(model.vocabulary) : "–",
    grouped(parameters),
    model.activeParameters === parameters ? "all" : grouped(model.activeParameters),
    checkpoint === undefined ? (figure?.text ?? "–") : grouped(checkpoint),
    differences === undefined ? "–" : signed(total(differences)),
    gapOf(published),
    stateOf(built),
  ];
  return `| ${cells.join(" | ")} |\n`;
}

function gapOf(published: PublishedModel): string {
  const { checkpoint } = published;
  const gap = comparison(published)?.gap;
  if (gap === undefined) return "–";
  if (checkpoint !== undefined && gap === 0) return "0";
  return `${gap < 0 ? "−" : "+"}${(100 * Math.abs(gap)).toFixed(2)} %`;
}

function stateOf(built: BuiltModel): string {
  const bytes = stateBytesAt(built, Math.min(context, built.model.limit));
  return bytes === null ? "–" : grouped(bytes);
}

const grouped = (count: number): string => Math.round(count).toLocaleString("en-US");
const signed = (count: number): string => `${count < 0 ? "−" : "+"}${grouped(Math.abs(count))}`;

/** Nothing where a model is as published. */
function details(name: string, { differences = {}, formula = {}, note }: PublishedModel): string {
  const lines = [
    ...Object.entries(formula).map(([what, term]) => `- ${what}: ${term}`),
    ...Object.entries(differences).map(([what, term]) => `- Difference, ${what}: ${term.replaceAll("-", "−")}`),
    ...(note === undefined ? [] : [`- Note: ${note}.`]),
  ];
  return lines.length === 0 ? "" : `**${name}**\n\n${lines.join("\n")}\n\n`;
}
