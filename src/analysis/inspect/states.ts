import type { Engine } from "../../engine/index.ts";
import { Decoder } from "../../generate/index.ts";
import { isShape, type Model } from "../../model/index.ts";
import type { Shape } from "../../tensor/index.ts";
import type { StateTrace } from "./results.ts";
import type { Sample } from "./sample.ts";
import { l2, rounded } from "./trace.ts";

/** Decodes the sample token by token and looks at every state of constant size; none where the model has none or cannot decode. */
export async function stateTraces(engine: Engine, model: Model, { ids, source }: Sample): Promise<StateTrace[]> {
  const fields = finiteStates(model);
  if (fields.length === 0) return [];
  const prefix = "inspected.";
  const decoder = new Decoder(engine, model, { prefix });
  const traces = fields.map(({ path, shape }) => ({ path, shape, norms: [] as number[], changes: [] as number[] }));
  const held = new Map<string, ArrayLike<number>>();
  try {
    for (let t = 0; t < ids.length; t++) {
      if (t === 0) await decoder.prefill([ids.slice(0, 1)], { ...(source && { sources: [source] }) });
      else await decoder.step(ids.slice(t, t + 1));
      for (const trace of traces) note(trace, await engine.get(`${prefix}${trace.path}`), held);
    }
  } finally {
    await decoder.dispose();
  }
  return traces;
}

function finiteStates({ decodes, states }: Model): { path: string; shape: Shape }[] {
  if (!decodes) return [];
  return [...states].flatMap(([path, declaration]) => {
    if (isShape(declaration)) return [{ path, shape: declaration }];
    const finite = "shape" in declaration && isShape(declaration.shape as never);
    return finite ? [{ path, shape: declaration.shape as Shape }] : [];
  });
}

function note(
  { path, norms, changes }: { path: string; norms: number[]; changes: number[] },
  now: ArrayLike<number>,
  held: Map<string, ArrayLike<number>>,
): void {
  const before = held.get(path);
  const norm = l2(Array.from(now));
  norms.push(rounded(norm));
  const change = l2(Array.from(now, (value, i) => value - (before?.[i] ?? 0)));
  changes.push(norm === 0 ? 0 : rounded(change / norm));
  held.set(path, now);
}
