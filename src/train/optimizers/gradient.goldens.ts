/** PyTorch's gradient clipping and parameter averaging. */
import { createReferenceEngine, runReference, type UpdateRule } from "../../engine/index.ts";
import { input, scalar } from "../../tensor/index.ts";
import type { Computed, GoldenAdapter, GoldenCase } from "../../testing/goldens/index.ts";
import { emaShare, withEma } from "./ema.ts";
import { clipGradients, seenGradient } from "./gradient.ts";

const namesOf = (c: GoldenCase) => c.names("in.").map((name) => name.slice("in.".length));

/** p ← −gradScale·g, from 0. */
const negatedGradient: UpdateRule = {
  slots: [],
  scalars: ["gradScale"],
  update: ({ g, scalars }) => ({ p: g.mul(scalars["gradScale"]!).neg(), slots: {} }),
};

/** A trainer whose gradients are the stored ones: what it clips and the norm that it reports. */
async function clipNorm(c: GoldenCase): Promise<Computed> {
  if (c.config["norm_type"] !== 2) return clipInGraph(c);
  const engine = createReferenceEngine();
  const shapes = namesOf(c).map((name) => ({ name, shape: c.stored[`in.${name}`]!.shape }));
  const gradients = shapes.map(({ name, shape }) => [`grad:${name}`, input(`in.${name}`, shape)] as const);
  const trainer = await engine.trainer({
    program: { outputs: { loss: scalar(0), ...Object.fromEntries(gradients) } },
    parameters: shapes.map(({ name, shape }) => ({
      name,
      shape,
      value: new Float32Array(c.values(`in.${name}`).length),
      scalars: {},
    })),
    rule: negatedGradient,
    clipNorm: c.number("max_norm"),
  });
  const feeds = Object.fromEntries(shapes.map(({ name }) => [`in.${name}`, Float32Array.from(c.values(`in.${name}`))]));
  const { gradNorm } = await trainer.step([feeds], {});
  const moved = await trainer.read("parameters");
  return {
    "out.total": [gradNorm],
    ...Object.fromEntries(shapes.map(({ name }) => [`out.${name}`, moved[name]!.map((x) => -x)])),
  };
}

/** Norms other than the trainer's. */
function clipInGraph(c: GoldenCase): Computed {
  const norm = c.config["norm_type"] === "inf" ? Number.POSITIVE_INFINITY : c.number("norm_type");
  const leaves = namesOf(c).map((name) => c.tensor(`in.${name}`));
  const { gradients, total } = clipGradients(leaves, { largest: c.number("max_norm"), norm });
  const feeds = Object.fromEntries(namesOf(c).map((name) => [`in.${name}`, c.values(`in.${name}`)]));
  const [reported, ...clipped] = runReference([total, ...gradients], feeds);
  return { "out.total": reported!, ...Object.fromEntries(namesOf(c).map((name, i) => [`out.${name}`, clipped[i]!])) };
}

function clipValue(c: GoldenCase): Computed {
  const clipped = namesOf(c).map((name) => {
    const outputs = [
      seenGradient(c.tensor(`in.${name}`), scalar(1), { maximize: false, clipValue: c.number("value") }),
    ];
    return [`out.${name}`, runReference(outputs, { [`in.${name}`]: c.values(`in.${name}`) })[0]!] as const;
  });
  return Object.fromEntries(clipped);
}

/** The stored live parameters stand for what a rule makes of p. */
function averagedModel(c: GoldenCase): Computed {
  const decay = c.config["decay"] === null ? "mean" : c.number("decay");
  const rule = withEma({ slots: [], scalars: [], update: ({ g }) => ({ p: g, slots: {} }) });
  const averages = namesOf(c).map((name) => {
    const all = c.values(`in.${name}`);
    const size = all.length / c.number("updates");
    const at = {
      p: input("p", [size]),
      g: input("g", [size]),
      slots: { ema: input("ema", [size]) },
      scalars: { emaShare: input("share", []) },
    };
    const next = rule.update(at).slots["ema"]!;
    let ema = new Float64Array(size);
    const steps = Array.from({ length: c.number("updates") }, (_, i) => {
      ema = runReference([next], {
        g: all.subarray(i * size, (i + 1) * size),
        ema,
        share: [emaShare(decay, i + 1)],
      })[0]! as Float64Array<ArrayBuffer>;
      return [...ema];
    });
    return [`out.${name}`, steps.flat()] as const;
  });
  return Object.fromEntries(averages);
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "optim", component: "clip_grad_norm", compute: clipNorm },
  { kind: "optim", component: "clip_grad_value", compute: clipValue },
  { kind: "optim", component: "averaged_model", compute: averagedModel },
];
