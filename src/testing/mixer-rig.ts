import type { Capabilities, Io, Mixer, StateDeclaration } from "../blocks/index.ts";
import { concat, constant, type Tensor } from "../tensor/index.ts";
import { type Arrays, type Loose, type Nested, randomNormal, randomUniform } from "./arrays.ts";
import { advance, type Decoding, fieldOf, resumeDecoding, startDecoding } from "./decoder.ts";
import { contextOf, plainIo, type TestedPart, testedPart, withoutPrefix, withPrefix } from "./part.ts";
import { run, type Subject } from "./subject.ts";

type Fields = Record<string, unknown>;

/** What a mixer's naive form is given: nested arrays, `s` as stored before the first of these tokens (growing: entries in order). */
export interface NaiveMixerArguments<C = Fields, D = Fields, P = Fields, S = Fields> {
  /** [B][T][D] */
  x: number[][][];
  p: { readonly [K in keyof P]: Loose };
  c: C;
  d: D;
  /** Absent: the declared start. */
  s?: { readonly [K in keyof S]: Loose };
  /** [B][T], given where the mixer reads `dt_BT`. */
  dt?: number[][];
}

/** y [B][T][D]; s after the last token, for growing fields all entries, old and new. */
export interface NaiveMixerResult {
  y: Nested;
  s?: Readonly<Record<string, Nested>>;
}

/** A mixer with one config, ready to be put through laws. */
export interface MixerRig {
  mixer: Mixer;
  part: TestedPart;
  capabilities: Capabilities;
  states: Readonly<Record<string, StateDeclaration>>;
  naive: (at: NaiveMixerArguments) => NaiveMixerResult;
  canonical: (s: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>;
  width: number;
  /** The same mixer with other values of its algorithmic choices, and as configured. */
  variants: readonly { label: string; rig: MixerRig }[];
}

export const batch = 2;
/** Tokens that sequences have seen where a law starts from a state. */
const warmTokens = 5;

export function rigOf(
  mixer: Mixer,
  config: Readonly<Fields>,
  options: Pick<MixerRig, "naive" | "canonical" | "width">,
): MixerRig {
  const part = testedPart(mixer, config, (c) => mixer.dims(c, options.width));
  const { capabilities } = mixer;
  return {
    mixer,
    part,
    capabilities: typeof capabilities === "function" ? capabilities(part.c) : capabilities,
    states: mixer.state(part.d, part.c),
    variants: [],
    ...options,
  };
}

/** Consecutive tokens given to `forward` at once or to `step` one by one. */
export interface Piece {
  form: "forward" | "step";
  tokens: number;
}

export interface Stretch {
  x_BTD: Tensor;
  /** Parameters as `p.<name>`. */
  at: Readonly<Record<string, Tensor>>;
  pieces: readonly Piece[];
  /** Absent: from the declared start. */
  state?: Decoding;
  dt_BT?: Tensor | undefined;
  /** Real tokens of each sequence in the first piece, which is then masked. */
  lengths?: readonly number[];
  mode?: Io["mode"];
}

/** Runs a mixer over a stretch of tokens as an engine would, piece by piece. */
export function runPieces(rig: MixerRig, { x_BTD, at, pieces, state, dt_BT, lengths, mode = "eval" }: Stretch) {
  const calls = pieces.flatMap(({ form, tokens }) =>
    form === "forward" ? [{ form, tokens }] : new Array<Piece>(tokens).fill({ form, tokens: 1 }),
  );
  const rows = x_BTD.dim(0);
  let decoding = state ?? startDecoding(rig.states, { batch: rows, capacity: x_BTD.dim(1) + 3 });
  let fresh = state === undefined;
  let from = 0;
  const ys: Tensor[] = [];
  const losses: Record<string, Tensor> = {};
  for (const [i, call] of calls.entries()) {
    const counts = i === 0 && lengths ? lengths : new Array<number>(rows).fill(call.tokens);
    const masked = i === 0 && lengths ? { mask_BT: maskOf(lengths, call.tokens) } : {};
    const dt = dt_BT ? { dt_BT: dt_BT.slice(1, from, from + call.tokens) } : {};
    const io: Io = { ...plainIo(mode), ...dt, ...masked };
    const result = runCall(rig, {
      x: x_BTD.slice(1, from, from + call.tokens),
      at,
      form: call.form,
      decoding,
      fresh,
      io,
    });
    for (const loss of result.losses ?? []) losses[`loss.${loss.name}.${i}`] = loss.value.mul(loss.weight);
    ys.push(result.y);
    decoding = advance(rig.states, decoding, result.s, counts);
    from += call.tokens;
    fresh = false;
  }
  return { y_BTD: concat(1, ys), decoding, losses };
}

interface Call {
  x: Tensor;
  at: Readonly<Record<string, Tensor>>;
  form: Piece["form"];
  decoding: Decoding;
  fresh: boolean;
  io: Io;
}

function runCall({ mixer, part }: MixerRig, { x, at, form, decoding, fresh, io }: Call) {
  const context = contextOf(part, at);
  const length_B = constant(decoding.tokens, [decoding.tokens.length], "i32");
  if (form === "forward") {
    const continued = fresh ? { s: {}, io } : { s: decoding.fields, io: { ...io, length_B } };
    return mixer.forward(x, { ...context, ...continued });
  }
  const result = mixer.step!(x.squeeze(1), { ...context, s: decoding.fields, io: { ...io, length_B } });
  return { ...result, y: result.y.unsqueeze(1) };
}

/** bool [B, T], true at the first `lengths[b]` tokens. */
export function maskOf(lengths: readonly number[], tokens: number): Tensor {
  const flags = lengths.flatMap((length) => Array.from({ length: tokens }, (_, t) => (t < length ? 1 : 0)));
  return constant(flags, [lengths.length, tokens], "bool");
}

/** Fields of all sequences, which have seen equally many tokens, in canonical form, as `s.<name>`. */
function finalState({ states, canonical }: MixerRig, decoding: Decoding): Record<string, Tensor> {
  const rows = decoding.tokens.map((_, b) => b);
  const whole = Object.entries(states).map(([name, declaration]) => [
    name,
    concat(
      0,
      rows.map((b) => fieldOf(declaration, decoding, name, b)),
    ),
  ]);
  return withPrefix("s.", canonical(Object.fromEntries(whole)));
}

/** Time before every token [B, T], where the mixer reads it; the stretch after a state has its own. */
export function gapsOf({ mixer }: MixerRig, tokens: number): Arrays[string] | undefined {
  return mixer.reads?.includes("dt_BT") ? randomUniform("time between tokens", [batch, tokens], [0.5, 1.5]) : undefined;
}

export function gapTensor(rig: MixerRig, tokens: number): Tensor | undefined {
  const gaps = gapsOf(rig, tokens);
  return gaps && constant(gaps.data, gaps.shape);
}

export type Start = "start" | "state";

export interface MixerRun {
  pieces: readonly Piece[];
  from: Start;
  mode?: Io["mode"];
  /** Whether auxiliary losses are outputs too. */
  losses?: boolean;
}

const warmStates = new WeakMap<MixerRig, Arrays>();

/** A state that sequences really have: what `forward` leaves after some random tokens. */
export function warmState(rig: MixerRig): Arrays {
  const known = warmStates.get(rig);
  if (known) return known;
  const inputs = {
    x: randomNormal("earlier tokens", [batch, warmTokens, rig.width]),
    ...withPrefix("p.", rig.part.parameters),
  };
  const build: Subject["build"] = (at) => {
    const pieces: Piece[] = [{ form: "forward", tokens: warmTokens }];
    const { decoding } = runPieces(rig, { x_BTD: at.x!, at, pieces, dt_BT: gapTensor(rig, warmTokens) });
    return finalState({ ...rig, canonical: (s) => s }, decoding);
  };
  const state = Object.fromEntries(
    Object.entries(run({ inputs, build })).map(([name, { shape, data }]) => [
      name,
      { shape, data: data.map(Math.fround) },
    ]),
  );
  warmStates.set(rig, state);
  return state;
}

const tokensOf = (pieces: readonly Piece[]): number => pieces.reduce((sum, { tokens }) => sum + tokens, 0);

/** A run as a function of inputs `x`, parameters `p.…` and, from a state, `s.…` to `y` and the final state `s.…`. */
export function mixerSubject(rig: MixerRig, { pieces, from, mode = "eval", losses = false }: MixerRun): Subject {
  const tokens = tokensOf(pieces);
  const inputs = {
    x: randomNormal("tokens", [batch, tokens, rig.width]),
    ...withPrefix("p.", rig.part.parameters),
    ...(from === "state" ? warmState(rig) : {}),
  };
  return {
    inputs,
    build: (at) => {
      const state = from === "state" ? { state: resumed(rig, at, tokens) } : {};
      const result = runPieces(rig, { x_BTD: at.x!, at, pieces, dt_BT: gapTensor(rig, tokens), mode, ...state });
      return { y: result.y_BTD, ...finalState(rig, result.decoding), ...(losses ? result.losses : {}) };
    },
  };
}

/** The warm state from tensors `s.<name>`, with room for more tokens. */
export function resumed(rig: MixerRig, at: Readonly<Record<string, Tensor>>, more: number): Decoding {
  const decoding = resumeDecoding(rig.states, {
    entries: withoutPrefix("s.", at),
    tokens: warmTokens,
    capacity: warmTokens + more + 3,
  });
  return { ...decoding, tokens: new Array<number>(batch).fill(warmTokens) };
}

/** Whether anything is carried from token to token. */
export const decodes = ({ capabilities }: MixerRig): boolean => capabilities.state !== "none";
export const startsOf = (rig: MixerRig): Start[] => (decodes(rig) ? ["start", "state"] : ["start"]);
