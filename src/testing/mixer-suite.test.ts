import { describe, expect, test } from "vitest";
import type { Mixer } from "../blocks/index.ts";
import { ones, scalar } from "../tensor/index.ts";
import type { Law } from "./law.ts";
import { sequencesApart } from "./laws/batch.ts";
import { derivatives, sameBits } from "./laws/engines.ts";
import { causal, notCausal, stateAsDeclared } from "./laws/flow.ts";
import { prefillThenStep, stepByStep } from "./laws/forms.ts";
import { longInput } from "./laws/long-input.ts";
import { equalsNaive } from "./laws/naive.ts";
import { paddingStaysOut } from "./laws/padding.ts";
import { shapes, stepShapes } from "./laws/shapes.ts";
import type { MixerRig, NaiveMixerArguments, NaiveMixerResult } from "./mixer-rig.ts";
import { mixerSuite, suiteRig } from "./mixer-suite.ts";
import { average, leaky, naiveAverage, naiveLeaky } from "./tiny-mixers.ts";

mixerSuite(leaky, { configs: [{}, { decay: 0.9 }], naive: naiveLeaky, width: 4 });
mixerSuite(average, { configs: [{}, { window: 3 }], naive: naiveAverage, width: 4 });

const sound = leaky as unknown as Mixer;
const declared = sound.capabilities as MixerRig["capabilities"];

/** The leaky sum with something broken. */
function broken(
  change: Partial<Mixer>,
  naive: (at: NaiveMixerArguments) => NaiveMixerResult = naiveLeaky,
  config = {},
): MixerRig {
  return suiteRig({ ...sound, ...change }, config, { naive, configs: [], width: 4 });
}

const forwardOf =
  (change: Partial<Parameters<Mixer["forward"]>[1]>): Mixer["forward"] =>
  (x, at) =>
    sound.forward(x, { ...at, ...change });
const capable = (change: Partial<MixerRig["capabilities"]>): Partial<Mixer> => ({
  capabilities: { ...declared, ...change },
});

/** What is broken, and the law that must notice. */
const faults: [string, Law<MixerRig>, () => MixerRig][] = [
  [
    "a naive form of something else",
    equalsNaive,
    () => broken({}, (at) => naiveLeaky({ ...at, x: at.x.map((row) => row.map((t) => t.map((v) => 1.0001 * v))) })),
  ],
  [
    "a step that forgets",
    stepByStep,
    () => broken({ step: (x, at) => sound.step!(x, { ...at, s: { h: at.s.h!.mul(0.99) } }) }),
  ],
  ["a forward that ignores its initial state", stepByStep, () => broken({ forward: forwardOf({ s: {} }) })],
  [
    "a forward that ignores its initial state, in pieces",
    prefillThenStep,
    () => broken({ forward: forwardOf({ s: {} }) }),
  ],
  [
    "a view of the future",
    causal,
    () => broken({ forward: (x, at) => sound.forward(x.add(x.flip(1).mul(1e-12)), at) }),
  ],
  ["causality where the future should show", notCausal, () => broken(capable({ flow: "bidirectional" }))],
  ["a bidirectional mixer that decodes", stateAsDeclared, () => broken(capable({ flow: "bidirectional" }))],
  ["a finite state called growing", stateAsDeclared, () => broken(capable({ state: "growing" }))],
  [
    "sequences that mix",
    sequencesApart,
    () => broken({ forward: (x, at) => sound.forward(x.add(x.flip(0).mul(1e-12)), at) }),
  ],
  ["sequences that should mix", sequencesApart, () => broken(capable({ batch: "coupled" }))],
  [
    "padding that leaks",
    paddingStaysOut,
    () => broken({ forward: (x, at) => sound.forward(x, { ...at, io: { mode: "eval", rng: at.io.rng } }) }),
  ],
  [
    "a gradient that is cut",
    derivatives,
    () => broken({ forward: (x, at) => sound.forward(x.mul(x.stopGradient()), at) }),
  ],
  ["a state that explodes", longInput, () => broken({}, naiveLeaky, { decay: 1.1 })],
  [
    "an output of another width",
    shapes,
    () => broken({ forward: (x, at) => ({ ...sound.forward(x, at), y: x.slice(2, 1) }) }),
  ],
  [
    "a state of another shape",
    stepShapes,
    () => broken({ step: (x, at) => ({ ...sound.step!(x, at), s: { h: ones([2, 5]) } }) }),
  ],
  ["a state without its field", stepShapes, () => broken({ step: (x, at) => ({ ...sound.step!(x, at), s: {} }) })],
];

describe("laws notice", () => {
  test.each(faults)("%s", async (_fault, law, rig) => {
    await expect((async () => law.check(rig()))()).rejects.toThrow("expected");
  });

  test("bits that change from one making of the graph to the next", async () => {
    let made = 0;
    const drifting = broken({ forward: (x, at) => sound.forward(x.add(scalar(++made)), at) });
    await expect((async () => sameBits.check(drifting))()).rejects.toThrow("expected");
  });
});
