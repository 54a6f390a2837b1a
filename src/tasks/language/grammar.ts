/** A probabilistic context-free grammar, and trees of a wished number of words drawn from it. */
import type { Rng } from "../../ops/index.ts";

/** A constituent; children that are text are words. */
export interface Tree {
  label: string;
  children: readonly (Tree | string)[];
}

export interface Grammar {
  start: string;
  /** How a symbol is written: other symbols and word classes in order, none empty, each way with its weight: its probability is its share. */
  rules: Readonly<Record<string, readonly Rule[]>>;
  /** Labels of symbols that are not called what their constituents are. */
  labels: Readonly<Record<string, string>>;
  /** Word classes: their words are drawn uniformly. A word may be of several. */
  classes: Readonly<Record<string, readonly string[]>>;
}

export interface Rule {
  to: readonly string[];
  weight: number;
}

export const labelOf = ({ labels }: Grammar, symbol: string): string => labels[symbol] ?? symbol;

/** The symbols of a rule from one on. */
interface Sequence {
  first: string;
  rest: Sequence | undefined;
  /** Symbols behind the first: each has at least one word. */
  after: number;
}

const sequenceOf = ([first, ...rest]: readonly string[]): Sequence => ({
  first: first!,
  rest: rest.length === 0 ? undefined : sequenceOf(rest),
  after: rest.length,
});

/** Probabilities of writing so many words (the inside sums of Baker 1979, by length), each computed once. */
interface Inside {
  ways(symbol: string): readonly Sequence[];
  /** Of each way. */
  rules(symbol: string, words: number): readonly number[];
  /** Of each size 1, 2, … of the first symbol. */
  splits(sequence: Sequence, words: number): readonly number[];
  symbol(name: string, words: number): number;
}

function insideOf({ rules, classes }: Grammar): Inside {
  const sequences = new Map(Object.entries(rules).map(([name, own]) => [name, own.map(({ to }) => sequenceOf(to))]));
  const total = (sequence: Sequence, words: number): number =>
    sequence.rest === undefined ? inside.symbol(sequence.first, words) : sum(inside.splits(sequence, words));
  const inside: Inside = {
    ways: (name) => sequences.get(name)!,
    rules: remembered((name: string, words) => {
      const all = sum(rules[name]!.map(({ weight }) => weight));
      return rules[name]!.map(({ weight }, i) => (weight / all) * total(sequences.get(name)![i]!, words));
    }),
    splits: remembered(({ first, rest, after }: Sequence, words) =>
      Array.from(
        { length: Math.max(0, words - after) },
        (_, i) => inside.symbol(first, i + 1) * total(rest!, words - i - 1),
      ),
    ),
    symbol: (name, words) => (classes[name] === undefined ? sum(inside.rules(name, words)) : Number(words === 1)),
  };
  return inside;
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

function remembered<K, V>(compute: (key: K, words: number) => V): (key: K, words: number) => V {
  const known = new Map<K, Map<number, V>>();
  return (key, words) => {
    const own = known.get(key) ?? new Map<number, V>();
    known.set(key, own);
    const value = own.get(words) ?? compute(key, words);
    own.set(words, value);
    return value;
  };
}

/** Draws trees of exactly so many words, each as likely as the grammar makes it among those; undefined where it has none. */
export function treeSampler(grammar: Grammar): (rng: Rng, words: number) => Tree | undefined {
  const { classes, start } = grammar;
  const inside = insideOf(grammar);
  const draw = (rng: Rng, name: string, words: number): Tree => {
    const way = inside.ways(name)[chosen(rng, inside.rules(name, words))]!;
    return { label: labelOf(grammar, name), children: drawAll(rng, way, words) };
  };
  const drawAll = (rng: Rng, sequence: Sequence, words: number): (Tree | string)[] => {
    const { first, rest } = sequence;
    const size = rest === undefined ? words : chosen(rng, inside.splits(sequence, words)) + 1;
    const own = classes[first];
    const child = own === undefined ? draw(rng, first, size) : own[rng.below(own.length)]!;
    return rest === undefined ? [child] : [child, ...drawAll(rng, rest, words - size)];
  };
  return (rng, words) => (inside.symbol(start, words) === 0 ? undefined : draw(rng, start, words));
}

/** An index, in proportion to its weight. */
function chosen(rng: Rng, weights: readonly number[]): number {
  let left = rng.uniform() * sum(weights);
  for (const [i, weight] of weights.entries()) {
    if (left < weight) return i;
    left -= weight;
  }
  return weights.findLastIndex((weight) => weight > 0);
}
