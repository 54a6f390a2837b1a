/** All cells of a study, some at the same time, each finished one kept. */
import { join } from "node:path";
import type { EngineKind } from "../../engine/index.ts";
import type { Cell, CellResult, FinishedCell } from "./cell.ts";
import { type PlanOptions, planCells } from "./plan.ts";
import { runCell } from "./run-cell.ts";
import type { Study } from "./schema.ts";
import { type CellStore, openCells } from "./store.ts";

export interface StudyOptions extends PlanOptions {
  /** Folder of the studies; the cells' files lie in a folder of the study's name below it. */
  folder: string;
  engine?: EngineKind;
  /** Of each cell. */
  threads: number;
  /** Cells at the same time. */
  workers: number;
  signal?: AbortSignal | undefined;
  onEvent?: (event: StudyEvent) => void;
}

export type StudyEvent =
  | { kind: "plan"; cells: number; finished: number }
  /** `share` of the cell's steps. */
  | { kind: "progress"; cell: Cell; share: number; loss: number; done: number; cells: number }
  | { kind: "end"; cell: Cell; result: CellResult; done: number; cells: number };

/** Runs what is not finished and returns every cell, in the order of the plan. */
export async function runStudy(study: Study, options: StudyOptions): Promise<FinishedCell[]> {
  const cells = planCells(study, options);
  const store = openCells(join(options.folder, study.name));
  const results = new Map(cells.map((cell) => [cell, store.find(cell)] as const));
  const open = cells.filter((cell) => results.get(cell) === undefined);
  options.onEvent?.({ kind: "plan", cells: cells.length, finished: cells.length - open.length });
  const count = { done: cells.length - open.length, cells: cells.length };
  const work = async () => {
    for (let cell = open.shift(); cell !== undefined; cell = open.shift())
      results.set(cell, await runOne(cell, { options, store, count }));
  };
  const workers = await Promise.allSettled(Array.from({ length: options.workers }, work));
  const failed = workers.find((worker) => worker.status === "rejected");
  if (failed) throw failed.reason;
  return cells.map((cell) => ({ levels: cell.levels, seed: cell.seed, result: results.get(cell)! }));
}

async function runOne(
  cell: Cell,
  { options, store, count }: { options: StudyOptions; store: CellStore; count: { done: number; cells: number } },
): Promise<CellResult> {
  const { signal, onEvent, threads, engine } = options;
  signal?.throwIfAborted();
  const result = await runCell(cell, {
    ...{ threads, signal },
    ...(engine && { engine }),
    onStep: (step, loss) => onEvent?.({ kind: "progress", cell, share: step / cell.config.steps, loss, ...count }),
  });
  store.keep(cell, result);
  count.done++;
  onEvent?.({ kind: "end", cell, result, ...count });
  return result;
}
