import { describeModel, type ModelDescription } from "../../../src/analysis/index.ts";
import { type Citation, componentsOf, families, patternNames, patterns } from "../../../src/blocks/index.ts";
import { type BuiltModel, buildSpec, canonicalSpec } from "../../../src/spec/index.ts";
import { SeqlabError } from "../../../src/tensor/index.ts";
import { componentFolders } from "../components.ts";
import type { Generator } from "../generators.ts";

const width = 256;
const context = 1024;

/** Numbers of every token mixer and the citations of all components, read off their declarations. */
export const generator: Generator = { path: "docs/generated/zoo.md", render: renderZoo };

function renderZoo(): string {
  const mixers = Object.entries(families.mixers);
  const [, ...otherFamilies] = componentFolders;
  const others = otherFamilies.map(
    (family) => `## ${family}\n\n| kind | what it computes | source |\n|---|---|---|\n${componentRows(family)}`,
  );
  return `<!-- Written by \`npm run generate\` from the components' declarations. -->
# Numbers of the zoo

Token mixers in one layer of width ${width}, default options, without channel mixer: parameters of the mixer, FLOPs of one decoded token behind ${context} others, and f32 state bytes of one sequence at 1k and 64k tokens.

| kind | parameters | FLOPs a token | state at 1k | state at 64k | what it computes | source |
|---|--:|--:|--:|--:|---|---|
${mixers
  .filter(([, { reads }]) => !reads?.includes("memory"))
  .map(([kind]) => mixerRow(kind))
  .join("")}
## cross

| kind | what it computes | source |
|---|---|---|
${mixers
  .filter(([, { reads }]) => reads?.includes("memory"))
  .map(([, mixer]) => componentRow(mixer))
  .join("")}
${others.join("\n")}
## Patterns

Ideas that recur, and the components made of them.

| pattern | what it is | components |
|---|---|---|
${patternNames.map(patternRow).join("")}`;
}

const patternRow = (pattern: (typeof patternNames)[number]): string => {
  const kinds = componentsOf(pattern).map(({ kind }) => `\`${kind}\``);
  return `| ${pattern} | ${cell(patterns[pattern])} | ${kinds.join(", ")} |\n`;
};

function mixerRow(kind: string): string {
  const { equations, cite } = families.mixers[kind]!;
  const { flops, stateBytes, layers } = describeWithin(buildEither(kind));
  const numbers = [layers[0]!.parameters, flops.decode, stateBytes?.["1024"], stateBytes?.["65536"]].map((n) =>
    n == null ? "–" : Math.round(n).toLocaleString("en-US"),
  );
  return `| \`${kind}\` | ${numbers.join(" | ")} | ${equation(equations)} | ${citation(cite)} |\n`;
}

/** At the usual context, or a shorter one for a mixer of limited length. */
function describeWithin(built: BuiltModel): ModelDescription {
  try {
    return describeModel(built, { context });
  } catch (error) {
    if (error instanceof SeqlabError && error.fault.code === "E_LENGTH") return describeModel(built, { context: 128 });
    throw error;
  }
}

/** A mixer that looks at both sides serves masked diffusion only. */
function buildEither(kind: string): BuiltModel {
  const bare = { name: "zoo", width, defaults: { norm: { kind: "none" } }, layers: [{ mixer: { kind } }] };
  const build = (objective: string) =>
    buildSpec(canonicalSpec({ ...bare, objective: { kind: objective } }), { tokens: 2 });
  try {
    return build("next-token");
  } catch (error) {
    if (error instanceof SeqlabError && error.fault.code === "E_SPEC_FLOW") return build("masked-diffusion");
    throw error;
  }
}

function componentRows(family: (typeof componentFolders)[number]): string {
  return Object.values<Described>(families[family]).map(componentRow).join("");
}

interface Described {
  kind: string;
  equations: readonly string[];
  cite: Citation;
}

const componentRow = ({ kind, equations, cite }: Described): string =>
  `| \`${kind}\` | ${equation(equations)} | ${citation(cite)} |\n`;

/** Bars would end a table's cell. */
const cell = (text: string): string =>
  text.replaceAll("|", "∣").replaceAll("*", "\\*").replaceAll("_", "\\_").replaceAll("<", "&lt;");
const equation = (lines: readonly string[]): string => lines.map(cell).join("<br>");

function citation({ by, arxiv, url }: Citation): string {
  const address = arxiv === undefined ? url : `https://arxiv.org/abs/${arxiv}`;
  return address === undefined ? cell(by) : `[${cell(by)}](${address})`;
}
