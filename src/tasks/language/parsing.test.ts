import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type ParsingRun, parsingClaims } from "../../../evidence/protocols/parsing.ts";
import type { Claim } from "../../../scripts/evidence/protocol.ts";
import { createRng } from "../../ops/index.ts";
import { taskSuite } from "../../testing/task-suite.ts";
import { bracketScore, constituentsOf } from "../metrics/index.ts";
import { type Tree, treeSampler } from "./grammar.ts";
import { bracketsOf, parsing, wordsOf } from "./parsing.ts";
import { smallEnglish } from "./small-english.ts";

const names = parsing.names!({});
const separator = parsing.separator!({});

/** All trees of a sentence, by trying every rule at every stretch of words. */
function parses(words: readonly string[]): Tree[] {
  const { rules, classes, labels, start } = smallEnglish;
  const known = new Map<string, (Tree | string)[]>();
  const of = (symbol: string, from: number, to: number): (Tree | string)[] => {
    const key = `${symbol} ${from} ${to}`;
    const found = known.get(key) ?? search(symbol, from, to);
    known.set(key, found);
    return found;
  };
  const search = (symbol: string, from: number, to: number): (Tree | string)[] => {
    if (classes[symbol]) return to === from + 1 && classes[symbol].includes(words[from]!) ? [words[from]!] : [];
    const label = labels[symbol] ?? symbol;
    return rules[symbol]!.flatMap((rule) => all(rule.to, from, to).map((children) => ({ label, children })));
  };
  const all = ([first, ...rest]: readonly string[], from: number, to: number): (Tree | string)[][] => {
    if (first === undefined) return from === to ? [[]] : [];
    const ends = Array.from({ length: Math.max(0, to - rest.length - from) }, (_, i) => from + 1 + i);
    return ends.flatMap((end) => {
      const heads = of(first, from, end);
      if (heads.length === 0) return [];
      const tails = all(rest, end, to);
      return heads.flatMap((head) => tails.map((tail) => [head, ...tail]));
    });
  };
  return of(start, 0, words.length) as Tree[];
}

const answers = new Map<string, string[]>();

function solved(sentence: string): string[] {
  const known = answers.get(sentence) ?? bracketsOf(parses(sentence.split(" "))[0]!);
  answers.set(sentence, known);
  return known;
}

taskSuite(parsing, {
  configs: [{ c: {}, lengths: [5, 12] }],
  solve(read) {
    const place = read.indexOf(separator);
    const sentence = read.slice(0, place).map((id) => names[id]);
    return names.indexOf(solved(sentence.join(" "))[read.length - place - 1]!);
  },
});

describe("the grammar", () => {
  const draw = treeSampler(smallEnglish);
  const rng = createRng(4);

  test("every sentence has one tree, the one it was drawn by, and as many words as were asked for", () => {
    for (let length = 3; length <= 16; length++)
      for (let i = 0; i < 30; i++) {
        const tree = draw(rng.fork(length).fork(i), length)!;
        const words = wordsOf(tree);
        expect(words).toHaveLength(length);
        expect(parses(words)).toEqual([tree]);
        expect(bracketsOf(tree).length).toBeLessThanOrEqual(4 * length);
      }
  });

  test("words alone do not tell their class", () => {
    const text = (sentence: string) => solved(sentence).join(" ");
    expect(text("the left saw left .")).toBe("(S (NP XX XX XX )NP (VP XX )VP XX )S");
    expect(text("the dog left Ann .")).toBe("(S (NP XX XX )NP (VP XX (NP XX )NP )VP XX )S");
    expect(text("Ann saw a song about Bob near Eve .")).toBe(
      "(S (NP XX )NP (VP XX (NP (NP XX XX )NP (PP XX (NP XX )NP )PP )NP (PP XX (NP XX )NP )PP )VP XX )S",
    );
    expect(parses("dog the saw .".split(" "))).toEqual([]);
  });

  test("trees come as often as their rules' weights say", () => {
    // Of three words: a name, an intransitive verb. Of four: `det noun V .` weighs 4/12 · 2/11, `name Vt name .` 3/12 · 4/11 · 3/12.
    const draws = Array.from({ length: 4000 }, (_, i) => bracketsOf(draw(rng.fork("four").fork(i), 4)!).join(" "));
    const objects = draws.filter((tree) => tree.includes("(VP XX (NP")).length / draws.length;
    const [intransitive, transitive] = [(4 / 12) * (2 / 11), (3 / 12) * (4 / 11) * (3 / 12)];
    expect(objects).toBeCloseTo(transitive / (intransitive + transitive), 1);
    expect(draw(rng, 2)).toBeUndefined();
  });
});

describe("labelled brackets", () => {
  const right = "(S (NP XX )NP (VP XX (NP XX XX )NP )VP XX )S".split(" ");

  test("precision, recall and F1 as EVALB counts them", () => {
    const flat = "(S (NP XX )NP XX (NP XX XX )NP XX )S".split(" "); // no VP
    const relabelled = "(S (NP XX )NP (PP XX (NP XX XX )NP )PP XX )S".split(" ");
    expect(bracketScore([{ answer: right, right }])).toMatchObject({ precision: 1, recall: 1, f1: 1, complete: 1 });
    expect(bracketScore([{ answer: flat, right }])).toMatchObject({
      precision: 1,
      recall: 3 / 4,
      f1: 6 / 7,
      complete: 0,
    });
    expect(bracketScore([{ answer: relabelled, right }])).toMatchObject({ precision: 3 / 4, recall: 3 / 4 });
    const twice = "(S (NP (NP XX )NP )NP (VP XX (NP XX XX )NP )VP XX )S".split(" "); // the same span twice is right once
    expect(bracketScore([{ answer: twice, right }])).toMatchObject({ precision: 4 / 5, recall: 1 });
  });

  test("what is no tree of the sentence misses every constituent", () => {
    for (const broken of ["", "XX", "(S XX", "(S XX )NP", "(S XX )S XX", "(S )S", ")S", "(S XX XX )S"]) {
      const answer = broken.split(" ").filter((symbol) => symbol !== "");
      const both = [
        { answer, right },
        { answer: right, right },
      ];
      expect(bracketScore(both), broken).toMatchObject({ precision: 1, recall: 1 / 2, complete: 1 / 2, malformed: 1 });
    }
    expect(constituentsOf(right)).toEqual({ spans: ["NP 0 1", "NP 2 4", "VP 1 4", "S 0 5"], words: 5 });
    expect(bracketScore([])).toMatchObject({ precision: 0, f1: 0 });
  });
});

test("[vaswani-parsing] a small Transformer writes the whole tree of at least nine in ten unseen sentences, in three seeds", () => {
  const file = new URL("../../../evidence/parsing.json", import.meta.url);
  const { claims, figures } = JSON.parse(readFileSync(file, "utf8")) as {
    claims: Claim[];
    figures: { runs: ParsingRun[]; settings: { tested: number } };
  };
  expect(parsingClaims(figures.runs)).toEqual(claims);
  expect(new Set(figures.runs.map(({ seed }) => seed)).size).toBe(3);
  for (const { holds, text } of claims) expect(holds, text).toBe(true);
  for (const { exactMatch, f1, precision, recall } of figures.runs) {
    expect(exactMatch).toBeGreaterThanOrEqual(0.9);
    expect((exactMatch * figures.settings.tested) % 1).toBe(0);
    expect(f1).toBeCloseTo((2 * precision * recall) / (precision + recall), 12);
  }
});
