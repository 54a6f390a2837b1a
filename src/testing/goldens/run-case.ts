import { numbersOf } from "../../checkpoints/index.ts";
import { runReference } from "../../engine/index.ts";
import { vjp } from "../../grad/index.ts";
import { constant, type Tensor, zeros } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenGraph } from "./adapter.ts";
import { integerError, largest, relativeError, smallestScale, tolerances } from "./compare.ts";
import type { GoldenCase } from "./golden-case.ts";

/** What came of one case. `where` names the tensor with the largest error, or says why the case is absent. */
export interface GoldenResult {
  kind: string;
  component: string;
  case: string;
  status: "agreed" | "disagreed" | "absent";
  /** Relative to the largest magnitude of the tensor; null where nothing was compared. */
  maxError: number | null;
  where: string;
}

/** A value to hold against the stored tensor of the same name; a shape only where the adapter built a graph. */
interface Finding {
  name: string;
  values: ArrayLike<number>;
  shape?: readonly number[];
  /** Zero by theory. */
  cancels?: boolean;
}

/** Evaluates outputs, final states and gradients on the reference engine and compares them with what is stored. */
export async function runCase(c: GoldenCase, adapter: GoldenAdapter | undefined): Promise<GoldenResult> {
  const head = { kind: c.kind, component: c.component, case: c.name };
  if (!adapter) return { ...head, status: "absent", maxError: null, where: "no adapter" };
  try {
    const findings = await findingsOf(c, adapter);
    if (typeof findings === "string")
      return { ...head, status: "absent", maxError: null, where: findings.replace("absent: ", "") };
    return { ...head, ...judge(c, findings) };
  } catch (error) {
    return { ...head, status: "disagreed", maxError: null, where: String(error) };
  }
}

async function findingsOf(c: GoldenCase, adapter: GoldenAdapter): Promise<Finding[] | string> {
  if ("compute" in adapter) {
    const computed = await adapter.compute(c);
    return typeof computed === "string"
      ? computed
      : Object.entries(computed).map(([name, values]) => ({ name, values }));
  }
  const graph = adapter.build(c);
  return typeof graph === "string" ? graph : evaluate(c, graph);
}

/** Outputs of the graph, and the gradients that the case stores. */
function evaluate(c: GoldenCase, { outputs, cancels = [] }: GoldenGraph): Finding[] {
  const results = { ...outputs, ...gradientsOf(c, outputs) };
  const feeds = Object.fromEntries([...c.leaves.keys()].map((name) => [name, c.values(name)]));
  const values = runReference(Object.values(results), feeds);
  return Object.entries(results).map(([name, { shape }], i) => ({
    name,
    shape,
    values: values[i]!,
    cancels: cancels.includes(name),
  }));
}

/** Gradients of Σ out·cot by every leaf for which the case stores one; zero where the outputs do not depend on it. */
function gradientsOf(c: GoldenCase, outputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  const seeded = c.names("cot.").filter((name) => outputs[name.replace("cot.", "out.")]);
  const cotangents = seeded.map((name) => constant(c.values(name), c.stored[name]!.shape));
  const names = c.names("grad.");
  const leaves = names.map((name) => c.tensor(name.slice("grad.".length)));
  const gradients = vjp(
    seeded.map((name) => outputs[name.replace("cot.", "out.")]!),
    cotangents,
    leaves,
  );
  return Object.fromEntries(names.map((name, i) => [name, gradients[i] ?? zeros(leaves[i]!.shape)]));
}

function judge(c: GoldenCase, findings: readonly Finding[]): Pick<GoldenResult, "status" | "maxError" | "where"> {
  const missing = [...c.names("out."), ...c.names("state.out.")].find(
    (name) => !findings.some((finding) => finding.name === name),
  );
  if (missing) return { status: "disagreed", maxError: null, where: `${missing} is not computed` };
  const errors = findings.map((finding) => ({ name: finding.name, error: errorOf(c, finding) }));
  const worst = errors.reduce((a, b) => (b.error > a.error ? b : a), { name: "", error: 0 });
  return {
    status: worst.error <= tolerances[c.computed] ? "agreed" : "disagreed",
    maxError: worst.error,
    where: worst.name,
  };
}

function errorOf(c: GoldenCase, { name, values, shape, cancels }: Finding): number {
  const stored = c.stored[name];
  if (!stored || (shape && shape.join() !== stored.shape.join())) return Number.POSITIVE_INFINITY;
  const expected = numbersOf(stored, name);
  if (cancels) return [values, expected].every((one) => largest(one) < smallestScale(c)) ? 0 : Number.POSITIVE_INFINITY;
  return /^(F|BF)/.test(stored.dtype)
    ? relativeError(values, expected, smallestScale(c))
    : integerError(values, expected);
}
