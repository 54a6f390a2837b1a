/**
 * Labelled bracket precision, recall and F1 of trees written as brackets, as EVALB (Sekine & Collins 1997) counts them: a
 * constituent is right if one of the same label stands over the same words (PARSEVAL: Black et al. 1991). Words alone are no
 * constituents. Punctuation counts as words.
 */

/** Symbols: `(X` opens a constituent, `)X` closes it, anything else is a word. */
export interface BracketedAnswer {
  answer: readonly string[];
  right: readonly string[];
}

/** Shares over all sentences, 0 … 1. */
export interface BracketScore {
  precision: number;
  recall: number;
  /** Their harmonic mean. */
  f1: number;
  /** Share of sentences whose constituents are all right, with none beside them. */
  complete: number;
  /** Answers that are no tree, or one of another number of words: none of their brackets is counted, all of the right ones are missed. */
  malformed: number;
}

interface Constituents {
  /** `label first last` of each, in the order of their ends. */
  spans: string[];
  words: number;
}

/** Constituents of one tree; undefined where brackets do not match, one is empty, or something stands outside the root. */
export function constituentsOf(symbols: readonly string[]): Constituents | undefined {
  const open: { label: string; first: number }[] = [];
  const spans: string[] = [];
  let words = 0;
  for (const symbol of symbols) {
    if (spans.length > 0 && open.length === 0) return undefined;
    if (symbol.startsWith("(")) open.push({ label: symbol.slice(1), first: words });
    else if (!symbol.startsWith(")")) words++;
    else {
      const last = open.pop();
      if (last === undefined || last.label !== symbol.slice(1) || last.first === words) return undefined;
      spans.push(`${last.label} ${last.first} ${words}`);
    }
    if (open.length === 0 && spans.length === 0) return undefined;
  }
  return open.length > 0 || spans.length === 0 ? undefined : { spans, words };
}

/** Counts over all sentences together. A share of nothing is 0. */
export function bracketScore(sentences: readonly BracketedAnswer[]): BracketScore {
  let [matched, found, wanted, complete, malformed] = [0, 0, 0, 0, 0];
  for (const { answer, right } of sentences) {
    const [tree, gold] = [constituentsOf(answer), constituentsOf(right)];
    const goldSpans = gold?.spans ?? [];
    wanted += goldSpans.length;
    if (tree === undefined || tree.words !== gold?.words) {
      malformed++;
      continue;
    }
    const both = matches(tree.spans, goldSpans);
    matched += both;
    found += tree.spans.length;
    if (both === tree.spans.length && both === goldSpans.length) complete++;
  }
  const [precision, recall] = [ratio(matched, found), ratio(matched, wanted)];
  const f1 = ratio(2 * precision * recall, precision + recall);
  return { precision, recall, f1, complete: ratio(complete, sentences.length), malformed };
}

/** Each constituent of one tree is matched with at most one of the other. */
function matches(some: readonly string[], others: readonly string[]): number {
  const left = [...others];
  return some.filter((span) => {
    const at = left.indexOf(span);
    if (at === -1) return false;
    left.splice(at, 1);
    return true;
  }).length;
}

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
