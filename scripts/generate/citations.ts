/** What the parts of seqlab descend from, read off their declarations: who, when, where it stands. */
import { type Citation, families } from "../../src/blocks/index.ts";
import { tasks } from "../../src/tasks/index.ts";
import { componentFolders } from "./components.ts";

/** A component or task and its declared source. */
export interface Cited {
  /** "mixers", …, "tasks". */
  family: string;
  kind: string;
  cite: Citation;
}

export type Place = "arXiv" | "DOI" | "elsewhere";

/** One paper or page, and every part that declares it. */
export interface Work {
  /** Of the first part: "Gu & Dao 2023". */
  by: string;
  year: number;
  /** Where it stands; the same for two citations of one work. */
  address: string;
  place: Place;
  parts: readonly Cited[];
}

/** Every component and task, families in the order of the zoo. */
export function citedParts(): Cited[] {
  const all: (readonly [string, Readonly<Record<string, { kind: string; cite: Citation }>>])[] = [
    ...componentFolders.map((family) => [family, families[family]] as const),
    ["tasks", tasks],
  ];
  return all.flatMap(([family, parts]) => Object.values(parts).map(({ kind, cite }) => ({ family, kind, cite })));
}

/** One entry for each address, oldest first. Parts whose source has no address or no year are not among them. */
export function worksOf(parts: readonly Cited[]): Work[] {
  return [...Map.groupBy(parts.filter(hasWork), ({ cite }) => addressOf(cite)!)]
    .map(([address, own]) => {
      const { by } = own[0]!.cite;
      return { by: untilYear.exec(by)![0], year: yearOf(by)!, address, place: placeOf(address), parts: own };
    })
    .sort((a, b) => a.year - b.year || (a.by < b.by ? -1 : 1));
}

const addressOf = ({ arxiv, url }: Citation): string | undefined =>
  arxiv === undefined ? url : `https://arxiv.org/abs/${arxiv}`;

/** Authors and year, without sections and further works. */
const untilYear = /^.*?\b((?:19|20)\d\d)\b/;

const yearOf = (by: string): number | undefined => {
  const year = untilYear.exec(by)?.[1];
  return year === undefined ? undefined : Number(year);
};

/** Whether a part follows something that was published; the identity follows nothing. */
export const hasWork = ({ cite }: Cited): boolean => addressOf(cite) !== undefined && yearOf(cite.by) !== undefined;

const placeOf = (address: string): Place =>
  address.startsWith("https://arxiv.org/") ? "arXiv" : address.startsWith("https://doi.org/") ? "DOI" : "elsewhere";

/** How many works of each year stand in each place, years without any left out. */
export function countByYear(works: readonly Work[]): { year: number; counts: Readonly<Record<Place, number>> }[] {
  return [...Map.groupBy(works, ({ year }) => year)]
    .sort(([a], [b]) => a - b)
    .map(([year, own]) => {
      const count = (place: Place) => own.filter((work) => work.place === place).length;
      return { year, counts: { arXiv: count("arXiv"), DOI: count("DOI"), elsewhere: count("elsewhere") } };
    });
}

/** Parts of each family, and the works that they descend from: first, median and last year. */
export function countByFamily(works: readonly Work[]) {
  const families = [...new Set(works.flatMap(({ parts }) => parts.map(({ family }) => family)))];
  return families
    .map((family) => {
      const own = works.filter(({ parts }) => parts.some((part) => part.family === family));
      const parts = own.flatMap((work) => work.parts.filter((part) => part.family === family)).length;
      const years = own.map(({ year }) => year); // in order, as the works are
      return {
        ...{ family, parts, works: own.length },
        ...{ first: years[0]!, median: years[Math.floor((years.length - 1) / 2)]!, last: years.at(-1)! },
      };
    })
    .sort((a, b) => b.parts - a.parts);
}
