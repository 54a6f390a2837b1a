/** A study's cells as rows of text: a row a combination of levels, a column a measure (and test). */
import {
  type Figure,
  figureOf,
  type Group,
  groupsOf,
  type MeasureName,
  measures,
  type StudyResult,
} from "../../analysis/index.ts";
import { measureText, measureTitle } from "./number.ts";

export interface StudyTable {
  factors: readonly string[];
  columns: readonly { title: string; measure: MeasureName }[];
  rows: readonly {
    levels: readonly string[];
    cells: readonly string[];
    figures: readonly (Figure | undefined)[];
    note?: string;
  }[];
}

export function tableOf({ study, cells }: StudyResult): StudyTable {
  const tests = study.tests.map(({ label }) => label);
  const columns = study.measures.flatMap((measure) => {
    const split = measures[measure].perTest && tests.length > 1;
    return (split ? tests : [undefined]).map((test) => ({
      ...{ measure, test },
      title: test === undefined ? measureTitle(measure) : `${measureTitle(measure)}, ${test}`,
    }));
  });
  const rows = groupsOf(cells).map((group) => {
    const figures = columns.map(({ measure, test }) => figureOf(group, measure, test));
    const note = noteOf(group);
    return {
      levels: study.factors.map(({ name }) => group.levels[name] ?? ""),
      cells: figures.map((found, i) => measureText(columns[i]!.measure, found)),
      figures,
      ...(note !== undefined && { note }),
    };
  });
  return { factors: study.factors.map(({ name }) => name), columns, rows };
}

/** Why figures are missing. */
function noteOf({ cells }: Group): string | undefined {
  const undefinedOnes = cells.filter(({ result }) => result.outcome === "undefined");
  if (undefinedOnes.length > 0) return `not defined: ${undefinedOnes[0]!.result.reason}`;
  const diverged = cells.filter(({ result }) => result.outcome === "diverged").length;
  return diverged > 0 ? `${diverged} of ${cells.length} diverged` : undefined;
}
