import { citedParts, countByFamily, countByYear, hasWork, type Work, worksOf } from "../citations.ts";
import type { Generator } from "../generators.ts";

/** Parts that a work needs to be named among those that most descend from. */
const many = 4;

/** Which papers the components and tasks come from: counted, and listed by year. */
export const generator: Generator = { path: "docs/generated/bibliography.md", render: renderBibliography };

function renderBibliography(): string {
  const works = worksOf(citedParts());
  return `<!-- Written by \`npm run generate\` from the components' and tasks' declarations. -->
# What seqlab descends from

${summary(works)}

## By family

| family | parts | works | first | median year | last |
|---|--:|--:|--:|--:|--:|
${countByFamily(works)
  .map((row) => `| ${row.family} | ${row.parts} | ${row.works} | ${row.first} | ${row.median} | ${row.last} |\n`)
  .join("")}
## By year

| year | works | arXiv | DOI | elsewhere |
|---|--:|--:|--:|--:|
${countByYear(works).map(yearRow).join("")}
## Works that most parts follow

${mostFollowed(works).join("\n")}

## All works, oldest first

| year | work | parts |
|---|---|---|
${works.map((work) => `| ${work.year} | ${link(work)} | ${partsOf(work)} |\n`).join("")}`;
}

function summary(works: readonly Work[]): string {
  const others = citedParts().filter((part) => !hasWork(part));
  const none = others.map(({ family, kind }) => `\`${kind}\` (${family})`).join(", ");
  const parts = works.reduce((sum, work) => sum + work.parts.length, 0);
  return `${parts} components and tasks declare a work that they follow, ${works.length} works in all; ${none} follow none. A part counts for the one work that its declaration links to; what else it draws on stands
in its entry of the [zoo](zoo.md). The choice of works is ours: the counts tell what is built here, not what the field cites.`;
}

function yearRow({ year, counts }: ReturnType<typeof countByYear>[number]): string {
  const all = counts.arXiv + counts.DOI + counts.elsewhere;
  return `| ${year} | ${all} | ${counts.arXiv} | ${counts.DOI} | ${counts.elsewhere} |\n`;
}

const mostFollowed = (works: readonly Work[]): string[] =>
  works
    .filter((work) => work.parts.length >= many)
    .sort((a, b) => b.parts.length - a.parts.length)
    .map((work) => `- ${link(work)}: ${work.parts.length} parts`);

const link = ({ by, address }: Work): string => `[${by.replaceAll("|", "∣")}](${address})`;

const partsOf = ({ parts }: Work): string =>
  [...Map.groupBy(parts, ({ family }) => family)]
    .map(([family, own]) => `${family}: ${own.map(({ kind }) => `\`${kind}\``).join(", ")}`)
    .join("; ");
