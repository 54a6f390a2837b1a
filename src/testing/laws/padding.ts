import { concat, type Tensor } from "../../tensor/index.ts";
import { expectSameFunction } from "../agreement.ts";
import { randomNormal } from "../arrays.ts";
import { fieldOf } from "../decoder.ts";
import type { Law } from "../law.ts";
import {
  batch,
  decodes,
  gapTensor,
  type MixerRig,
  type Piece,
  resumed,
  runPieces,
  type Start,
  startsOf,
  warmState,
} from "../mixer-rig.ts";
import { withPrefix } from "../part.ts";
import type { Subject } from "../subject.ts";

/** A padded prompt, and tokens decoded after it. */
const prompt = 9;
const lengths = [9, 6];
const later = 2;

export const paddingStaysOut: Law<MixerRig> = {
  name: "padding does not leak into outputs, state or gradients",
  applies: ({ capabilities }) => capabilities.length === "any" || capabilities.length === "max",
  check: (rig) => {
    for (const from of startsOf(rig)) expectSameFunction(paddedSubject(rig, from), unpaddedSubject(rig, from));
  },
};

function pieces(rig: MixerRig, tokens: number): Piece[] {
  return [{ form: "forward", tokens }, ...(decodes(rig) ? [{ form: "step", tokens: later } as const] : [])];
}

function inputsOf(rig: MixerRig, from: Start) {
  const tokens = prompt + (decodes(rig) ? later : 0);
  return {
    x: randomNormal("padded tokens", [batch, tokens, rig.width], 2),
    ...withPrefix("p.", rig.part.parameters),
    ...(from === "state" ? warmState(rig) : {}),
  };
}

/** Both sequences at once, the shorter one padded and masked. */
function paddedSubject(rig: MixerRig, from: Start): Subject {
  return {
    inputs: inputsOf(rig, from),
    build: (at) => {
      const state = from === "state" ? { state: resumed(rig, at, prompt + later) } : {};
      const dt_BT = gapTensor(rig, prompt + later);
      const { y_BTD, decoding } = runPieces(rig, {
        x_BTD: at.x!,
        at,
        pieces: pieces(rig, prompt),
        dt_BT,
        lengths,
        ...state,
      });
      return outputsOf(
        rig,
        (b) => withoutPadding(y_BTD, b),
        (name, b) => fieldOf(rig.states[name]!, decoding, name, b),
      );
    },
  };
}

/** Each sequence by itself, without padding. */
function unpaddedSubject(rig: MixerRig, from: Start): Subject {
  return {
    inputs: inputsOf(rig, from),
    build: (at) => {
      const runs = lengths.map((length, b) => {
        const dt = gapTensor(rig, prompt + later);
        const state = from === "state" ? { state: sequenceOf(resumed(rig, at, prompt + later), b) } : {};
        const dt_BT = dt && withoutPadding(dt, b);
        return runPieces(rig, { x_BTD: withoutPadding(at.x!, b), at, pieces: pieces(rig, length), dt_BT, ...state });
      });
      return outputsOf(
        rig,
        (b) => runs[b]!.y_BTD,
        (name, b) => fieldOf(rig.states[name]!, runs[b]!.decoding, name, 0),
      );
    },
  };
}

function sequenceOf({ fields, tokens }: ReturnType<typeof resumed>, b: number) {
  const rows = Object.entries(fields).map(([name, field]) => [name, field.slice(0, b, b + 1)]);
  return { fields: Object.fromEntries(rows) as Record<string, Tensor>, tokens: [tokens[b]!] };
}

/** One sequence's real tokens of the prompt and what follows the prompt. */
function withoutPadding(x: Tensor, b: number): Tensor {
  const row = x.slice(0, b, b + 1);
  const real = row.slice(1, 0, lengths[b]!);
  return row.dim(1) === prompt ? real : concat(1, [real, row.slice(1, prompt)]);
}

function outputsOf(
  { states, canonical }: MixerRig,
  y: (b: number) => Tensor,
  field: (name: string, b: number) => Tensor,
): Record<string, Tensor> {
  const perSequence = lengths.map((_, b) => {
    const s = Object.fromEntries(Object.keys(states).map((name) => [name, field(name, b)]));
    return withPrefix(`sequence ${b}: `, { y: y(b), ...withPrefix("s.", canonical(s)) });
  });
  return Object.assign({}, ...perSequence) as Record<string, Tensor>;
}
