import { expandFused, fail, type Tensor, topological } from "../tensor/index.ts";
import { settle } from "./reference/kernel.ts";
import { planGraph } from "./reference/plan.ts";

/** Values fed by the name of their `input` leaf, row-major. */
export type ReferenceFeeds = Readonly<Record<string, ArrayLike<number>>>;

/** A graph planned once and run many times by plain loops in f64. */
export interface ReferenceProgram {
  run(feeds: ReferenceFeeds): Float64Array[];
}

/**
 * The truth that tests compare with: every value is a Float64Array (f32 tensors hold doubles, integers wrap exactly at
 * 32 bits, bool is 0 or 1). Fused ops are run as their expansions. Throws E_FEED where a fed value is missing or has
 * the wrong length, E_INDEX where an index is out of range.
 */
export function compileReference(outputs: readonly Tensor[]): ReferenceProgram {
  const expanded = expandFused(outputs);
  const leaves = topological(expanded)
    .filter((node) => node.op === "input")
    .map((node) => node.outputs[0]!);
  const plan = planGraph(expanded, leaves);
  return { run: (feeds) => ownedCopies(plan.run(leaves.map((leaf) => fedValue(leaf, leaves, feeds)))) };
}

/** Plans and runs once: see {@link compileReference}. */
export function runReference(outputs: readonly Tensor[], feeds: ReferenceFeeds): Float64Array[] {
  return compileReference(outputs).run(feeds);
}

const nameOf = (leaf: Tensor) => (leaf.node.op === "input" ? leaf.node.attrs.name : "");

function fedValue(leaf: Tensor, leaves: readonly Tensor[], feeds: ReferenceFeeds): Float64Array {
  const name = nameOf(leaf);
  const where = `feeds[${JSON.stringify(name)}]`;
  const expected = `${leaf.size} elements of shape [${leaf.shape.join(", ")}]`;
  const values = Object.hasOwn(feeds, name) ? feeds[name] : undefined;
  if (values === undefined)
    return fail({
      code: "E_FEED",
      where,
      expected,
      got: "nothing",
      hint: `The graph needs: ${leaves.map(nameOf).join(", ")}.`,
    });
  if (values.length !== leaf.size) return fail({ code: "E_FEED", where, expected, got: `${values.length}` });
  const numbers = values instanceof Float64Array ? values : new Float64Array(values);
  return leaf.dtype === "f32" ? numbers : numbers.map(settle[leaf.dtype]);
}

/** Results that do not share memory with a feed, a constant of the graph, or each other. */
function ownedCopies(values: readonly Float64Array[]): Float64Array[] {
  return values.map((value) => value.slice());
}
