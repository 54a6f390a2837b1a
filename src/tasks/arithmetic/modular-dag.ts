/**
 * Modular arithmetic on computational graphs: leaves are given, every other node is computed of earlier ones, and its value is
 * asked where it is named. Ids: values 0 … m − 1, + (m), − (m + 1), · (m + 2), = (m + 3), ; (m + 4), then variables.
 */
import { z } from "zod";
import type { Rng } from "../../ops/index.ts";
import { fail } from "../../tensor/index.ts";
import { defineTask, labelled, type Size, upTo } from "../task.ts";

const config = z.strictObject({
  modulus: z.int().min(2).default(23).describe("m"),
  leaves: z.int().positive().default(4).describe("nodes whose value is given"),
  operands: z.int().min(2).default(2).describe("nodes that a node is computed of, from left to right"),
  variables: z.int().positive().default(32).describe("names of nodes to choose from: the most nodes that there can be"),
});
type C = z.infer<typeof config>;

const operators: readonly ((a: number, b: number) => number)[] = [(a, b) => a + b, (a, b) => a - b, (a, b) => a * b];

export interface DagNode {
  /** Where it is named on the right of =. */
  place: number;
  value: number;
  /** Longest way from a leaf, 0 for leaves. */
  depth: number;
}

const idsOf = ({ modulus: m }: Pick<C, "modulus">) => ({
  equals: m + 3,
  end: m + 4,
  variable: (i: number) => m + 5 + i,
});
const remainder = (value: number, m: number): number => ((value % m) + m) % m;

/** The nodes of a graph that is written out, in their order. */
export function readDag(ids: readonly number[], { modulus: m }: Pick<C, "modulus">): DagNode[] {
  const { equals, end } = idsOf({ modulus: m });
  const known = new Map<number, DagNode>();
  let [terms, signs] = [[] as DagNode[], [] as number[]];
  for (const [place, id] of ids.entries()) {
    if (id < m) terms = [{ place, value: id, depth: -1 }];
    else if (id < equals) signs.push(id - m);
    else if (id === end) [terms, signs] = [[], []];
    else if (id > end && ids[place - 1] === equals) known.set(id, computed(terms, signs, { place, m }));
    else if (id > end) terms.push(known.get(id)!);
  }
  return [...known.values()];
}

function computed(
  terms: readonly DagNode[],
  signs: readonly number[],
  { place, m }: { place: number; m: number },
): DagNode {
  const value = terms
    .slice(1)
    .reduce((sum, term, i) => remainder(operators[signs[i]!]!(sum, term.value), m), terms[0]!.value);
  return { place, value, depth: 1 + Math.max(...terms.map(({ depth }) => depth)) };
}

export const modularDag = defineTask<C>({
  kind: "modular-dag",
  title: "Modular arithmetic on graphs",
  cite: { arxiv: "2510.14095", by: "Altabaa et al. 2025" },
  layout: "7 = x₃ ; 2 = x₁ ; x₃ · x₁ = x₈ → value of x₈ ; …",
  config,
  lengthIs: "nodes",
  least: ({ leaves }) => leaves + 1,
  window: (nodes, { leaves, operands }) => 4 * leaves + (2 * operands + 2) * (nodes - leaves),
  vocabulary: ({ modulus, variables }) => modulus + 5 + variables,
  answers: ({ modulus }) => upTo(modulus),
  sample(rng, size) {
    const ids = drawDag(rng, size);
    const targets = new Array<number | undefined>(ids.length).fill(undefined);
    for (const { place, value, depth } of readDag(ids, size.c)) if (depth > 0) targets[place] = value;
    return labelled(ids, targets);
  },
});

/** Operands and operators are drawn uniformly, operands with repetition of all nodes before. */
function drawDag(rng: Rng, { length: nodes, c }: Size<C>): number[] {
  assertNames(nodes, c);
  const { equals, end, variable } = idsOf(c);
  const names = drawNames(rng, nodes, c);
  return names.flatMap((name, node) => {
    if (node < c.leaves) return [rng.below(c.modulus), equals, variable(name), end];
    const terms = Array.from({ length: c.operands }, (_, i) => [
      ...(i > 0 ? [c.modulus + rng.below(operators.length)] : []),
      variable(names[rng.below(node)]!),
    ]);
    return [...terms.flat(), equals, variable(name), end];
  });
}

/** So many different names, in random order. */
function drawNames(rng: Rng, nodes: number, { variables }: C): number[] {
  const free = upTo(variables);
  return Array.from({ length: nodes }, () => free.splice(rng.below(free.length), 1)[0]!);
}

function assertNames(nodes: number, { variables }: C): void {
  if (nodes <= variables) return;
  fail({
    code: "E_TASK_LENGTH",
    where: "task.modular-dag",
    expected: `at most ${variables} nodes, the names that there are`,
    got: String(nodes),
    hint: `Set "variables" to ${nodes} or more, the same in training.`,
  });
}
