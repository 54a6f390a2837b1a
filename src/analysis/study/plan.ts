/** From a study to its cells. */

import { createHash } from "node:crypto";
import { canonicalJson, parseStored } from "../../checkpoints/index.ts";
import { canonicalSpec, loadSpec } from "../../spec/index.ts";
import { type TrainingInput, trainingSchema } from "../../train/index.ts";
import type { Cell } from "./cell.ts";
import { changed } from "./changes.ts";
import { type Factor, type Study, studyData } from "./schema.ts";

export interface PlanOptions {
  /** In place of the study's. */
  seeds?: number | undefined;
  larger?: boolean | undefined;
}

type Chosen = readonly { factor: string; level: Factor["levels"][number] }[];

/** Every combination of levels, or each alone: see `design`. */
function combinations({ factors, design }: Study): Chosen[] {
  const picks = factors.map(({ name, levels }) => levels.map((level) => ({ factor: name, level })));
  if (design === "product")
    return picks.reduce<Chosen[]>((all, own) => all.flatMap((head) => own.map((pick) => [...head, pick])), [[]]);
  const base = picks.map(([first]) => first!);
  const alone = picks.flatMap((own, at) => own.slice(1).map((pick) => base.map((one, i) => (i === at ? pick : one))));
  return [base, ...alone];
}

/** The cells, seeds of a combination side by side. Throws what specs, settings and data throw. */
export function planCells(study: Study, { seeds, larger = false }: PlanOptions = {}): Cell[] {
  const base = { spec: study.spec, training: study.training, data: study.data, tests: study.tests };
  const root = larger ? changed(base, study.larger.set) : base;
  const count = seeds ?? (larger ? study.larger.seeds : undefined) ?? study.seeds;
  return combinations(study).flatMap((chosen) => {
    const set = Object.assign({}, ...chosen.map(({ level }) => level.set)) as Record<string, unknown>;
    const cell = cellOf(study, { data: changed(root, set), chosen, steps: larger ? study.larger.steps : 1 });
    return Array.from({ length: count }, (_, seed) => ({ ...cell, seed, config: { ...cell.config, seed } }));
  });
}

function cellOf(
  study: Study,
  { data, chosen, steps }: { data: Record<string, unknown>; chosen: Chosen; steps: number },
): Cell {
  const levels = Object.fromEntries(chosen.map(({ factor, level }) => [factor, level.label]));
  const where = `${study.name}: ${Object.values(levels).join(", ")}`;
  const training = data["training"] as TrainingInput;
  const scaled = { ...training, steps: Math.round(training.steps * steps) };
  return {
    levels,
    seed: 0,
    spec: typeof data["spec"] === "string" ? loadSpec(data["spec"]) : canonicalSpec(data["spec"], where),
    config: parseStored(trainingSchema, scaled, { where: `${where}: training`, code: "E_STUDY" }),
    data: parseStored(studyData, data["data"], { where: `${where}: data`, code: "E_STUDY" }),
    tests: data["tests"] as Cell["tests"],
    examples: study.examples,
    probes: study.probes,
    ...(study.size && { size: study.size }),
  };
}

/** What tells a study's trainings from those of another protocol: what is written down, not the code. Hexadecimal. */
export function protocolHash(study: Study): string {
  const { spec, training, data, design, factors, seeds, size, examples, tests, probes } = study;
  const protocol = { spec, training, data, design, factors, seeds, size: size ?? null, examples, tests, probes };
  return sha256(canonicalJson(JSON.parse(JSON.stringify(protocol)), study.name));
}

/** What tells a cell from others, hexadecimal. */
export const cellHash = ({ levels: _, ...cell }: Cell): string =>
  sha256(canonicalJson(JSON.parse(JSON.stringify(cell)), "cell")).slice(0, 16);

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
