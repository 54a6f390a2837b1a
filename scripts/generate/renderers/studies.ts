import { shippedStudies } from "../../../src/analysis/index.ts";
import { studyDrawing, studyMarkdown } from "../../../src/report/index.ts";
import { studyEvidence } from "../../evidence/studies.ts";
import type { Generator } from "../generators.ts";

/** Order of the page: first the parts of attention, then what is around it, then what it is compared with. */
const order = [
  ...["first-experiment", "scorers", "sqrt-dk-scale", "heads", "table-3", "warmup", "layer-norm", "residual"],
  ...["length-extrapolation", "window-cost", "depth-width", "data-compute"],
  ...["induction", "in-context-regression", "four-patterns", "equal-budget"],
];

const studies = [...order, ...shippedStudies().filter((name) => !order.includes(name))].flatMap((name) => {
  const result = studyEvidence(name);
  return result === undefined ? [] : [{ name, result }];
});

const drawings = studies.flatMap(({ name, result }) =>
  result.study.figures.map((figure, i) => ({
    name,
    title: figure.title,
    file: `${name}-${i + 1}.svg`,
    figure,
    result,
  })),
);

const opening = `# The Transformer: why it works, as experiments

Small studies that run on a laptop in minutes, each with several seeds. ± is the spread over seeds, highest minus lowest. They show
tendencies at the size that stands in their protocol, and say nothing beyond it.

\`seqlab study\` lists the studies, \`seqlab study NAME\` runs one, \`--larger\` with more steps and seeds. The tables below come from
[evidence/studies](../evidence/README.md) and are written by \`npm run generate\`; the studies themselves are files in
[studies](../studies/).
`;

const page: Generator = {
  path: "docs/transformer.md",
  render: () =>
    [
      opening,
      ...studies.map(({ name, result }) =>
        studyMarkdown(result, {
          figures: drawings
            .filter((one) => one.name === name)
            .map(({ title, file }) => ({ title, href: `generated/studies/${file}` })),
        }),
      ),
    ].join("\n"),
};

export const generator: readonly Generator[] = [
  page,
  ...drawings.map(({ file, figure, result }) => ({
    path: `docs/generated/studies/${file}`,
    render: () => studyDrawing(figure, result),
  })),
];
