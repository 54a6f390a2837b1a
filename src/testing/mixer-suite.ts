import type { Mixer, ParameterDeclaration, StateDeclaration } from "../blocks/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { runLaws } from "./law.ts";
import { sequencesApart } from "./laws/batch.ts";
import { stepCost } from "./laws/cost.ts";
import { derivatives, nativeForward, nativeStep, sameBits } from "./laws/engines.ts";
import { causal, notCausal, stateAsDeclared } from "./laws/flow.ts";
import { algorithmicChoices, prefillThenStep, stepByStep } from "./laws/forms.ts";
import { longInput } from "./laws/long-input.ts";
import { equalsNaive } from "./laws/naive.ts";
import { paddingStaysOut } from "./laws/padding.ts";
import { shapes, stepShapes } from "./laws/shapes.ts";
import { type MixerRig, type NaiveMixerArguments, type NaiveMixerResult, rigOf } from "./mixer-rig.ts";

type Config = Record<string, unknown>;

export interface MixerSuiteOptions<C, D, P, S> {
  /** Configs to test, each completed by the defaults. */
  configs: readonly Partial<C>[];
  /** The paper's equations as loops over nested arrays. */
  naive: (at: NaiveMixerArguments<C, D, P, S>) => NaiveMixerResult;
  /** Model width; the default of 16 suits 4 heads. */
  width?: number;
  /** Config keys that choose how something is computed, never what: all laws run with small values, and all values agree. */
  algorithmic?: readonly (keyof C & string)[];
  /** Turns states of a stabilised form into what must agree between forms (C·eᵐ instead of C and m). */
  canonical?: (s: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>;
}

/** Every law of mixers; which of them apply is decided by what the mixer declares. */
const mixerLaws = [
  shapes,
  stepShapes,
  stateAsDeclared,
  equalsNaive,
  stepByStep,
  prefillThenStep,
  algorithmicChoices,
  causal,
  notCausal,
  sequencesApart,
  paddingStaysOut,
  stepCost,
  derivatives,
  nativeForward,
  nativeStep,
  sameBits,
  longInput,
];

/** Small enough that short sequences cross several chunks. */
const smallChoice = 4;
const otherChoices = [2, 8];

/** Runs every law that the mixer's declared capabilities imply, for every config. */
export function mixerSuite<
  C extends Config,
  D extends Config,
  P extends Record<string, ParameterDeclaration>,
  S extends Record<string, StateDeclaration>,
>(mixer: Mixer<C, D, P, S>, options: MixerSuiteOptions<C, D, P, S>): void {
  const rigs = options.configs.map((config) => ({
    label: JSON.stringify(config),
    rig: suiteRig(erased(mixer), config, options),
  }));
  runLaws(mixer.kind, rigs, mixerLaws);
}

/** Sound, as in `blocks/erased.ts`: a mixer only receives values made from its own parsed config. */
const erased = (mixer: unknown) => mixer as Mixer;

export function suiteRig<C, D, P, S>(
  mixer: Mixer,
  config: Config,
  { naive, width = 16, algorithmic = [], canonical = (s) => s }: MixerSuiteOptions<C, D, P, S>,
): MixerRig {
  const fixed = { naive: naive as MixerRig["naive"], canonical, width };
  const choosing = (value: number) => Object.fromEntries(algorithmic.map((key) => [key, value]));
  const rigWith = (choices: Config) => rigOf(mixer, { ...choices, ...config }, fixed);
  const variants =
    algorithmic.length === 0
      ? []
      : [
          { label: "as configured", rig: rigWith({}) },
          ...otherChoices.map((value) => ({
            label: `${algorithmic.join(", ")} ${value}`,
            rig: rigOf(mixer, { ...config, ...choosing(value) }, fixed),
          })),
        ];
  return { ...rigWith(choosing(smallChoice)), variants };
}
