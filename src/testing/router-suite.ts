import { describe, expect, test } from "vitest";
import type { Channel, ParameterDeclaration } from "../blocks/index.ts";
import { constant } from "../tensor/index.ts";
import { expectSameFunction } from "./agreement.ts";
import { type Arrays, mapArray, type NdArray, randomNormal } from "./arrays.ts";
import { contextOf, plainIo, type TestedPart, testedPart, withPrefix } from "./part.ts";
import { evaluate, run, type Subject } from "./subject.ts";

type Config = Record<string, unknown>;

/** What a config promises of its choices. */
export interface RouterFacts {
  /** Experts that may be chosen. */
  experts: number;
  /** What a token's weights sum to; absent where that depends on the token. */
  weightSum?: number;
  /** Slots of an expert for a sequence of so many tokens, and the experts that have slots; absent where none is dropped. */
  slots?: { capacity: (tokens: number) => number; experts: number };
}

export interface RouterSuiteOptions<C> {
  configs: readonly Partial<C>[];
  facts: (c: C) => RouterFacts;
  /** Options that change nothing but how experts are run: every config gives the same function with each of them. */
  forms: readonly Partial<C>[];
  width?: number;
}

/** A router's config sized, with what it promises. */
interface Rig {
  channel: Channel;
  part: TestedPart;
  facts: RouterFacts;
  width: number;
}

const [batch, tokens] = [2, 10];

interface RouterRun {
  mode?: "train" | "eval";
  /** Real tokens of each sequence; all if absent. */
  lengths?: readonly number[];
  seed?: number;
}

/** The output, its losses, and the probes by which a router tells its choices: `experts_NK`, `weights_NK`, `served_NK`, `load`. */
function subjectOf(
  { channel, part, width }: Rig,
  { mode = "eval", lengths, seed = 1 }: RouterRun,
  only?: "y",
): Subject {
  const inputs = { x: randomNormal("routed tokens", [batch, tokens, width]), ...withPrefix("p.", part.parameters) };
  return {
    inputs,
    build: (at) => {
      const mask = lengths && Array.from({ length: batch * tokens }, (_, i) => (isReal(lengths, i) ? 1 : 0));
      const io = { ...plainIo(mode, seed), ...(mask && { mask_BT: constant(mask, [batch, tokens], "bool") }) };
      const { y, losses = [], probes } = channel.forward(at.x!, { ...contextOf(part, at), io });
      if (only) return { y };
      return { y, ...probes, ...Object.fromEntries(losses.map(({ name, value }) => [`loss.${name}`, value])) };
    },
  };
}

const isReal = (lengths: readonly number[], token: number): boolean =>
  token % tokens < lengths[Math.floor(token / tokens)]!;

/** Rows of an array [N, K]. */
function rowsOf({ shape, data }: NdArray): number[][] {
  const size = shape[1]!;
  return Array.from({ length: shape[0]! }, (_, i) => [...data.subarray(i * size, (i + 1) * size)]);
}

type RouterLaw = (rig: Rig) => void;

const sum = (values: readonly number[]) => values.reduce((total, v) => total + v, 0);

const choicesAreOwn: RouterLaw = (rig) => {
  for (const mode of ["train", "eval"] as const) {
    const { experts_NK, weights_NK } = run(subjectOf(rig, { mode }));
    for (const chosen of rowsOf(experts_NK!)) {
      expect(new Set(chosen).size, "different experts").toBe(chosen.length);
      for (const expert of chosen) expect(expert >= 0 && expert < rig.facts.experts).toBe(true);
    }
    for (const weights of rowsOf(weights_NK!)) {
      expect(weights.every((w) => w >= 0 && Number.isFinite(w))).toBe(true);
      if (rig.facts.weightSum !== undefined) expect(sum(weights)).toBeCloseTo(rig.facts.weightSum, 9);
    }
  }
};

const loadCountsChoices: RouterLaw = (rig) => {
  const lengths = [tokens, tokens - 4];
  const { experts_NK, load } = run(subjectOf(rig, { lengths, mode: "train" }));
  const counts = new Array<number>(rig.facts.experts).fill(0);
  rowsOf(experts_NK!).forEach((chosen, n) => {
    if (isReal(lengths, n)) for (const expert of chosen) counts[expert]!++;
  });
  const total = sum(counts);
  expect(load!.shape).toEqual([rig.facts.experts]);
  counts.forEach((count, e) => void expect(load!.data[e], `expert ${e}`).toBeCloseTo(count / total, 9));
};

/** Of every expert and sequence as many choices are served as there are slots or choices, whichever is less. */
const slotsAreKept: RouterLaw = (rig) => {
  const { slots } = rig.facts;
  if (slots === undefined) {
    expect(run(subjectOf(rig, {}))).not.toHaveProperty("served_NK");
    return;
  }
  for (const lengths of [
    [tokens, tokens],
    [tokens, tokens - 4],
  ]) {
    const { experts_NK, served_NK } = run(subjectOf(rig, { lengths, mode: "train" }));
    const served = rowsOf(served_NK!);
    const tally = new Map<string, { wanted: number; got: number }>();
    rowsOf(experts_NK!).forEach((chosen, n) => {
      chosen.forEach((expert, k) => {
        if (!isReal(lengths, n) || expert >= slots.experts) expect(served[n]![k]).toBe(0);
        else {
          const key = `${Math.floor(n / tokens)} ${expert}`;
          const { wanted, got } = tally.get(key) ?? { wanted: 0, got: 0 };
          tally.set(key, { wanted: wanted + 1, got: got + served[n]![k]! });
        }
      });
    });
    for (const [place, { wanted, got }] of tally)
      expect(got, place).toBe(Math.min(wanted, Math.min(tokens, slots.capacity(tokens))));
  }
};

/** Changes tokens from `time` of each sequence on. */
function changedFrom(rig: Rig, time: number): Arrays {
  const subject = subjectOf(rig, {});
  const other = randomNormal("other tokens", subject.inputs.x!.shape);
  const changed = (i: number) => Math.floor(i / rig.width) % tokens >= time;
  return { ...subject.inputs, x: mapArray(subject.inputs.x!, (v, i) => (changed(i) ? other.data[i]! : v)) };
}

/** Choices of all tokens before `time`: experts, weights and whether they are served. */
function earlierChoices({ experts_NK, weights_NK, served_NK }: Arrays, time: number): number[][] {
  const kept = (array: NdArray | undefined) => (array ? rowsOf(array).filter((_, n) => n % tokens < time) : []);
  return [...kept(experts_NK), ...kept(weights_NK), ...kept(served_NK)];
}

const paddingIsNotRouted: RouterLaw = (rig) => {
  const time = tokens - 4;
  const subject = subjectOf(rig, { lengths: [time, time], mode: "train" });
  const [before, after] = [run(subject), run({ ...subject, inputs: changedFrom(rig, time) })];
  expect(earlierChoices(after, time)).toEqual(earlierChoices(before, time));
  expect(after.load).toEqual(before.load);
};

const futureAsDeclared: RouterLaw = (rig) => {
  const { capabilities } = rig.channel;
  const { flow } = typeof capabilities === "function" ? capabilities(rig.part.c) : capabilities;
  const moved = Array.from({ length: tokens - 1 }, (_, i) => i + 1).filter((time) => {
    const subject = subjectOf(rig, {});
    const after = run({ ...subject, inputs: changedFrom(rig, time) });
    return JSON.stringify(earlierChoices(run(subject), time)) !== JSON.stringify(earlierChoices(after, time));
  });
  if (flow === "causal-values-only") expect(moved).not.toEqual([]);
  else expect(moved).toEqual([]);
};

const routersLearn: RouterLaw = (rig) => {
  const { gradients } = evaluate(subjectOf(rig, { mode: "train" }, "y"));
  expect(gradients["p.router"]!.data.some((g) => g !== 0)).toBe(true);
};

const evaluationDrawsNothing: RouterLaw = (rig) => {
  expect(run(subjectOf(rig, { seed: 2 }))).toEqual(run(subjectOf(rig, { seed: 1 })));
};

const laws: Readonly<Record<string, RouterLaw>> = {
  "a token's choices are different experts, and their weights sum as declared": choicesAreOwn,
  "the load is the share of real tokens' choices": loadCountsChoices,
  "experts serve as many choices as they have slots, none of padding": slotsAreKept,
  "padding moves no choice of real tokens": paddingIsNotRouted,
  "another future moves earlier choices exactly where declared": futureAsDeclared,
  "the output has a gradient by the router": routersLearn,
  "evaluation draws nothing": evaluationDrawsNothing,
};

/** Laws of every routing of a channel mixer that tells its choices in probes. */
export function routerSuite<C extends Config, D extends Config, P extends Record<string, ParameterDeclaration>>(
  channel: Channel<C, D, P>,
  { configs, facts, forms, width = 8 }: RouterSuiteOptions<C>,
): void {
  const erased = channel as unknown as Channel;
  const rigOf = (config: Partial<C>): Rig => {
    const part = testedPart(erased, config, (c) => erased.dims(c, width));
    return { channel: erased, part, facts: facts(part.c as C), width };
  };
  describe.each(configs.map((config) => ({ label: JSON.stringify(config), config })))(
    `routing of ${channel.kind} $label`,
    ({ config }) => {
      for (const [name, law] of Object.entries(laws)) test(name, () => law(rigOf(config)));
      test("all forms of running experts are one function, with padding too", () => {
        for (const lengths of [undefined, [tokens, tokens - 4]]) {
          const runs = { mode: "train", ...(lengths && { lengths }) } as const;
          const [first, ...others] = forms.map((form) => subjectOf(rigOf({ ...config, ...form }), runs, "y"));
          for (const other of others) expectSameFunction(other, first!);
        }
      });
    },
  );
}
