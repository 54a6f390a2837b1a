import { describe, expect, test } from "vitest";
import { type Cited, citedParts, countByFamily, countByYear, hasWork, worksOf } from "./citations.ts";

const part = (family: string, kind: string, cite: Cited["cite"]): Cited => ({ family, kind, cite });

describe("[citation-analysis] what this project cites", () => {
  const parts = citedParts();
  const works = worksOf(parts);

  test("every component and task is counted once: under the work that it follows, or as one that follows none", () => {
    const listed = works.flatMap((work) => work.parts);
    expect(new Set(listed).size).toBe(listed.length);
    expect(listed.length + parts.filter((one) => !hasWork(one)).length).toBe(parts.length);
    expect(parts.filter(({ family }) => family === "mixers").length).toBeGreaterThan(50);
    expect(parts.filter((one) => !hasWork(one)).map(({ kind }) => kind)).toEqual(["none", "none", "projected-bias"]);
    expect(works.find(({ by }) => by === "Vaswani et al. 2017")!.parts.map(({ kind }) => kind)).toContain("attention");
    const counted = countByYear(works).reduce(
      (sum, { counts }) => sum + counts.arXiv + counts.DOI + counts.elsewhere,
      0,
    );
    expect(counted).toBe(works.length);
    expect(countByFamily(works).reduce((sum, { parts: own }) => sum + own, 0)).toBe(listed.length);
  });

  test("one work is cited by one name", () => {
    const names = works.map(({ parts: own }) => [...new Set(own.map(({ cite }) => /^.*?\d{4}/.exec(cite.by)![0]))]);
    expect(names.filter((some) => some.length > 1)).toEqual([]);
  });

  test("no work is older than its arXiv number, nor more than three years younger", () => {
    const odd = works.filter(({ address, year }) => {
      const [, first] = /abs\/(\d\d)\d\d\./.exec(address) ?? [];
      return first !== undefined && (year < 2000 + Number(first) || year > 2003 + Number(first));
    });
    expect(odd.map(({ by, address }) => `${by}: ${address}`)).toEqual([]);
  });
});

test("works are counted by year, place and family", () => {
  const works = worksOf([
    part("mixers", "new", { by: "A & B 2021, section 3; C 2019", arxiv: "2101.00001" }),
    part("norms", "also", { by: "A & B 2021", arxiv: "2101.00001" }),
    part("mixers", "old", { by: "D 1990", url: "https://doi.org/10.1/x" }),
    part("mixers", "page", { by: "E 2021", url: "https://example.org" }),
    part("norms", "none", { by: "the identity" }),
  ]);
  expect(works.map(({ by, year, place, parts }) => [by, year, place, parts.length])).toEqual([
    ["D 1990", 1990, "DOI", 1],
    ["A & B 2021", 2021, "arXiv", 2],
    ["E 2021", 2021, "elsewhere", 1],
  ]);
  expect(countByYear(works)).toEqual([
    { year: 1990, counts: { arXiv: 0, DOI: 1, elsewhere: 0 } },
    { year: 2021, counts: { arXiv: 1, DOI: 0, elsewhere: 1 } },
  ]);
  expect(countByFamily(works)).toEqual([
    { family: "mixers", parts: 3, works: 3, first: 1990, median: 2021, last: 2021 },
    { family: "norms", parts: 1, works: 1, first: 2021, median: 2021, last: 2021 },
  ]);
});
