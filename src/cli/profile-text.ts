/** A profile as text for the terminal. */
import type { Cost, Profile } from "../analysis/index.ts";
import { bytes, percent, shortCount, taskText, threeDigits } from "../report/index.ts";
import { renderTable } from "./frame/table.ts";

export function profileText(profile: Profile, { report }: { report: string }): string {
  const { model, ms, stepMs, kernelMs, graphMs, products, peak, threads } = profile;
  return [
    `${model.title}\n${taskText(profile)}, ${threads} ${threads === 1 ? "thread" : "threads"}\n`,
    [
      `step      ${threeDigits(ms)} ms, the fastest of ${stepMs.n}; mean ${threeDigits(stepMs.mean)} ± ${threeDigits(stepMs.spread)} ms`,
      `kernels   ${threeDigits(kernelMs)} ms; ${threeDigits(graphMs - kernelMs)} ms between them, ${threeDigits(ms - graphMs)} ms optimizer and calls`,
      `products  ${shortCount(products.flops)} FLOPs in ${threeDigits(products.ms)} ms: ${threeDigits(products.gflops ?? 0)} GFLOP/s, ${percent(products.shareOfPeak)} of the peak (${threeDigits(peak.gflops)})\n`,
    ].join("\n"),
    blockTable(profile),
    opTable(profile),
    `report    ${report}\n`,
  ].join("\n");
}

const right = (head: string) => ({ head, align: "right" }) as const;
const left = (head: string) => ({ head, align: "left" }) as const;

const shared = (cost: Cost): string[] => [
  percent(cost.share),
  bytes(cost.bytes),
  cost.gflops === null ? "" : threeDigits(cost.gflops),
];

function blockTable({ blocks }: Profile): string {
  const columns = [
    left("block"),
    right("forward ms"),
    right("backward ms"),
    right("share"),
    right("bytes"),
    right("GFLOP/s"),
  ];
  return renderTable(
    columns,
    blocks.map((block) => [block.path, threeDigits(block.forwardMs), threeDigits(block.backwardMs), ...shared(block)]),
  );
}

function opTable({ ops }: Profile): string {
  const columns = [left("op"), right("kernels"), right("ms"), right("share"), right("bytes"), right("GFLOP/s")];
  return renderTable(
    columns,
    ops.slice(0, 12).map((cost) => [cost.op, String(cost.calls), threeDigits(cost.ms), ...shared(cost)]),
  );
}
